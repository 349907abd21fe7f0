import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { listen, type Listening } from './listen.js';

// A small key-value service over HTTP, as many companies have one. It knows nothing of Holdfast. Bytes are base64.

export interface Entry {
  readonly key: string;
  readonly value: string;
  readonly created: number;
  readonly modified: number;
}

/** One write or delete. */
export interface Change {
  readonly revision: number;
  readonly key: string;
  readonly after?: Entry;
  readonly before?: Entry;
}

/** What must hold. Of a key that is not there, both revisions are 0, and nothing holds of its value. */
export interface Condition {
  readonly of: 'created' | 'modified' | 'value';
  readonly is: '=' | '!=' | '<' | '>';
  readonly than: number | string;
}

export type Step = { readonly put: string } | { readonly delete: true };

/** One key: its conditions are decided together with what they decide about. */
export interface KeyRequest {
  readonly key: string;
  readonly if: readonly Condition[];
  readonly then?: Step;
  readonly else?: Step;
}

/** The keys from `start` up to `end`, in the order of their bytes; without `end`, all others. */
export interface DeleteRequest {
  readonly start: string;
  readonly end?: string;
}

export interface Head {
  readonly identity: string;
  readonly revision: number;
}
export type WriteAnswer = Head & { readonly held: boolean; readonly before: readonly Entry[] };
export type EntriesAnswer = Head & { readonly entries: readonly Entry[] };
export type ChangesAnswer = Head & { readonly forgotten: number; readonly changes: readonly Change[] };

/** How many changes it remembers. */
export const REMEMBERED = 200;
const LONGEST_WAIT_MS = 10_000;

export class KeyValueService {
  readonly #identity = randomUUID();
  readonly #entries = new Map<string, Entry>();
  #changes: Change[] = [];
  #revision = 1;
  #forgotten = 1;
  #waiting = new Set<() => void>();

  /** `GET /entries`, `GET /changes?after=`, `GET /wait?after=` (until there is a change), `POST /key`, `POST /delete`. */
  async listen(): Promise<Listening> {
    return listen(createServer((request, response) => void this.#answer(request, response)));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://service');
    const after = Number(searchParams.get('after'));
    const send = (status: number, body: unknown) => response.writeHead(status).end(JSON.stringify(body));
    try {
      switch (`${request.method} ${pathname}`) {
        case 'GET /entries':
          return void send(200, { ...this.#head(), entries: [...this.#entries.values()] } satisfies EntriesAnswer);
        case 'GET /changes':
          return void send(200, this.#changesSince(after));
        case 'GET /wait':
          if (this.#revision <= after) await this.#change(response);
          return void send(200, this.#head());
        case 'POST /key':
          return void send(200, this.#key(JSON.parse(await bodyOf(request)) as KeyRequest));
        case 'POST /delete':
          return void send(200, this.#delete(JSON.parse(await bodyOf(request)) as DeleteRequest));
        default:
          return void send(404, { error: `there is no ${pathname}` });
      }
    } catch (error) {
      send(400, { error: String(error) });
    }
  }

  #head(): Head {
    return { identity: this.#identity, revision: this.#revision };
  }

  /** Of one moment: nothing else runs while it is put together. */
  #changesSince(after: number): ChangesAnswer {
    const changes = this.#changes.filter(({ revision }) => revision > after);
    return { ...this.#head(), forgotten: this.#forgotten, changes };
  }

  #key({ key, if: conditions, then, else: otherwise }: KeyRequest): WriteAnswer {
    const before = this.#entries.get(key);
    const held = conditions.every((condition) => holds(condition, before));
    const step = held ? then : otherwise;
    const revision = this.#revision + 1;
    if (step !== undefined && 'put' in step) this.#commit([this.#put(key, step.put, revision)], revision);
    else if (step !== undefined && before !== undefined) this.#commit([{ revision, key, before }], revision);
    return { ...this.#head(), held, before: before === undefined ? [] : [before] };
  }

  #delete(request: DeleteRequest): WriteAnswer {
    const before = this.#within(request);
    const revision = this.#revision + 1;
    if (before.length > 0)
      this.#commit(
        before.map((entry) => ({ revision, key: entry.key, before: entry })),
        revision,
      );
    return { ...this.#head(), held: true, before };
  }

  #put(key: string, value: string, revision: number): Change {
    const before = this.#entries.get(key);
    const after = { key, value, created: before?.created ?? revision, modified: revision };
    return { revision, key, after, ...(before && { before }) };
  }

  #commit(changes: readonly Change[], revision: number): void {
    for (const { key, after } of changes) {
      if (after === undefined) this.#entries.delete(key);
      else this.#entries.set(key, after);
    }
    this.#revision = revision;
    this.#changes.push(...changes);
    // Whole revisions: half of one would be told as all of it.
    const oldest = this.#changes.at(-REMEMBERED)?.revision ?? 0;
    const forgotten = this.#changes.filter((change) => change.revision < oldest);
    this.#forgotten = forgotten.at(-1)?.revision ?? this.#forgotten;
    this.#changes = this.#changes.slice(forgotten.length);
    for (const wake of [...this.#waiting]) wake();
  }

  #within({ start, end }: DeleteRequest): readonly Entry[] {
    const [first, last] = [Buffer.from(start, 'base64'), end === undefined ? undefined : Buffer.from(end, 'base64')];
    return [...this.#entries.values()].filter(({ key }) => {
      const bytes = Buffer.from(key);
      return bytes.compare(first) >= 0 && (last === undefined || bytes.compare(last) < 0);
    });
  }

  #change(response: ServerResponse): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, LONGEST_WAIT_MS);
      this.#waiting.add(wake);
      response.once('close', wake);
    });
  }
}

function holds({ of, is, than }: Condition, entry: Entry | undefined): boolean {
  if (of === 'value' && entry === undefined) return false;
  const order =
    of === 'value'
      ? Buffer.from(entry?.value ?? '', 'base64').compare(Buffer.from(String(than), 'base64'))
      : (entry?.[of] ?? 0) - Number(than);
  switch (is) {
    case '=':
      return order === 0;
    case '!=':
      return order !== 0;
    case '<':
      return order < 0;
    case '>':
      return order > 0;
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}
