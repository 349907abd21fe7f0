import { request, type IncomingHttpHeaders } from 'node:http';
import { removeAbortListener, whenAborted } from '@holdfast/store/adapter';
import type { Etcd } from '@holdfast/testkit';

/** An entry as etcd itself reports it. */
export interface HeldEntry {
  readonly value: string;
  readonly modRevision: number;
  readonly createRevision: number;
}

/** The result of a linearizable read. */
export interface Held {
  /** The store's revision (v3) or index (v2) of the answer, or an earlier one, but never a later one. */
  readonly revision: number;
  /** Where that may be earlier than the read: a revision that is not. */
  readonly readBy?: number;
  /** By whole key. */
  readonly entries: ReadonlyMap<string, HeldEntry>;
  /** The id of the cluster that answered (v3). */
  readonly identity?: string;
}

export interface HeldOptions {
  /** The endpoint to ask. Default: any running member. */
  readonly endpoint?: string;
  /** In milliseconds. Default: 2,000. */
  readonly timeoutMs?: number;
}

/** The servers, seen through plain HTTP without Holdfast. */
export interface Outside {
  /** Reads a prefix linearizably. Fails after its time-out. */
  held(prefix: string, options?: HeldOptions): Promise<Held>;
  /** The number of watches on all running members, as they count them. */
  watchers(): Promise<number>;
}

const TIMEOUT_MS = 2_000;

export interface HttpRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/**
 * One call of etcd's HTTP API, v3's JSON or v2's keys, over a new connection: a kept connection may be half-open after a fault, or be taken for
 * one of the store under test.
 */
export function callHttp(url: string, options: HttpRequest = {}, timeoutMs = TIMEOUT_MS): Promise<HttpAnswer> {
  const { method = 'GET', headers = {}, body, signal } = options;
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers: { ...headers }, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
    });
    const timer = Number.isFinite(timeoutMs)
      ? setTimeout(() => {
          sent.destroy(new Error(`${url} did not answer within ${timeoutMs} ms`));
        }, timeoutMs)
      : undefined;
    const onAbort = (): void => {
      sent.destroy(new Error(`${url} was given up`));
    };
    whenAborted(signal, onAbort);
    sent.on('error', reject);
    sent.on('close', () => {
      clearTimeout(timer);
      removeAbortListener(signal, onAbort);
      // If the answer breaks off, the request gets neither an end nor an error.
      reject(new Error(`${url} broke off`));
    });
    sent.end(body);
  });
}

/** The body of a `PUT` of the keys API. */
export function form(fields: Readonly<Record<string, string>>): Pick<HttpRequest, 'headers' | 'body'> {
  return {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(fields).toString(),
  };
}

function running(etcd: Etcd): string[] {
  return etcd.members.filter(({ state }) => state === 'running').map(({ endpoint }) => endpoint);
}

/** Asks the endpoints one after another until one answers. */
async function first<T>(endpoints: readonly string[], ask: (endpoint: string) => Promise<T>): Promise<T> {
  let failure: unknown = new Error('no member is running');
  for (const endpoint of endpoints) {
    try {
      return await ask(endpoint);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** etcd's JSON gateway. In a secured world every call carries root's token, which a restart makes invalid. */
export class V3Api {
  readonly #etcd: Etcd;
  readonly #user: { readonly name: string; readonly password: string } | undefined;
  #token: string | undefined;
  #loggingIn: Promise<void> | undefined;

  constructor(etcd: Etcd, user?: { readonly name: string; readonly password: string }) {
    this.#etcd = etcd;
    this.#user = user;
  }

  async call<Answer>(path: string, body: object, { endpoint, timeoutMs }: HeldOptions = {}): Promise<Answer> {
    return first(endpoint === undefined ? running(this.#etcd) : [endpoint], (each) =>
      this.#authenticated(each, async () => {
        const { status, text } = await callHttp(`${each}/v3/${path}`, this.#init(body), timeoutMs);
        if (status !== 200) throw new Error(`${each}/v3/${path} answered ${status}: ${text.trim()}`);
        return JSON.parse(text) as Answer;
      }),
    );
  }

  /** The messages of a stream, until the signal aborts. */
  async *stream<Message>(endpoint: string, path: string, body: object, signal: AbortSignal): AsyncGenerator<Message> {
    const response = await this.#authenticated(endpoint, async () => {
      const answer = await fetch(`${endpoint}/v3/${path}`, { ...this.#init(body), signal });
      if (!answer.ok) throw new Error(`${endpoint}/v3/${path} answered ${answer.status}: ${await answer.text()}`);
      return answer;
    });
    let rest = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') yield JSON.parse(line) as Message;
    }
  }

  #init(body: object): Required<Omit<HttpRequest, 'signal'>> {
    const headers: Record<string, string> = this.#token === undefined ? {} : { authorization: this.#token };
    return { method: 'POST', headers, body: JSON.stringify(body) };
  }

  async #authenticated<T>(endpoint: string, send: () => Promise<T>): Promise<T> {
    if (this.#user === undefined) return send();
    if (this.#token === undefined) await this.#logIn(endpoint);
    const used = this.#token;
    try {
      return await send();
    } catch (error) {
      // The time-out of a busy server says nothing about the token, and a password check would make it busier.
      if (!isRefusal(error)) throw error;
      if (this.#token === used) await this.#logIn(endpoint);
      return send();
    }
  }

  /** Logs in once for all simultaneous callers. */
  async #logIn(endpoint: string): Promise<void> {
    this.#loggingIn ??= callHttp(`${endpoint}/v3/auth/authenticate`, {
      method: 'POST',
      body: JSON.stringify(this.#user),
    })
      .then(({ text }) => {
        ({ token: this.#token } = JSON.parse(text) as { token?: string });
      })
      .finally(() => {
        this.#loggingIn = undefined;
      });
    await this.#loggingIn;
  }
}

/** Whether the server refused the token, or the call had none. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && /answered (400|401|403):.*(token|auth|user name)/.test(error.message);
}

export function v3Outside(etcd: Etcd, api: V3Api): Outside {
  return {
    held: async (prefix, options) => {
      const body = { key: toBase64(prefix), range_end: toBase64(endOf(prefix)) };
      const { header, kvs = [] } = await api.call<V3Range>('kv/range', body, options);
      return {
        revision: Number(header.revision),
        identity: header.cluster_id,
        entries: new Map(kvs.map((kv) => [fromBase64(kv.key), entryOfV3(kv)])),
      };
    },
    watchers: () => etcd.metric('etcd_debugging_mvcc_watcher_total'),
  };
}

export function v2Outside(etcd: Etcd): Outside {
  return {
    held: async (prefix, { endpoint, timeoutMs } = {}) =>
      first(endpoint === undefined ? running(etcd) : [endpoint], async (each) => {
        const url = `${each}/v2/keys${prefix}?recursive=true&quorum=true`;
        const { headers, text } = await callHttp(url, {}, timeoutMs);
        const body = JSON.parse(text) as { readonly node?: V2Node; readonly errorCode?: number };
        if (body.node === undefined && body.errorCode !== 100) throw new Error(`${url} answered ${text}`);
        const leaves = leavesOf(body.node);
        const index = Number(headers['x-etcd-index']);
        // The header's index may be later than the read. Without any entries, it is all that is known.
        const revision = leaves.length === 0 ? index : Math.max(...leaves.map(({ modifiedIndex }) => modifiedIndex));
        return { revision, readBy: index, entries: new Map(leaves.map((node) => [node.key, entryOfV2(node)])) };
      }),
    watchers: async () => {
      const counts = await Promise.all(
        running(etcd).map(async (endpoint) => {
          const { text } = await callHttp(`${endpoint}/v2/stats/store`);
          return (JSON.parse(text) as { watchers: number }).watchers;
        }),
      );
      return counts.reduce((sum, count) => sum + count, 0);
    },
  };
}

interface V3Range {
  readonly header: { readonly revision: string; readonly cluster_id: string };
  readonly kvs?: readonly V3Entry[];
}

/** An entry as the JSON gateway sends it: fields with zero values are left out. */
export interface V3Entry {
  readonly key: string;
  readonly value?: string;
  readonly mod_revision: string;
  readonly create_revision?: string;
}

/** A node as the keys API sends it. */
export interface V2Node {
  readonly key: string;
  readonly value?: string;
  readonly dir?: boolean;
  readonly nodes?: readonly V2Node[];
  readonly modifiedIndex: number;
  readonly createdIndex: number;
}

export function entryOfV3({ value = '', mod_revision: mod, create_revision: create = '0' }: V3Entry): HeldEntry {
  return { value: fromBase64(value), modRevision: Number(mod), createRevision: Number(create) };
}

export function entryOfV2({ value = '', modifiedIndex, createdIndex }: V2Node): HeldEntry {
  return { value, modRevision: modifiedIndex, createRevision: createdIndex };
}

function leavesOf(node: V2Node | undefined): readonly V2Node[] {
  if (node === undefined) return [];
  return node.dir === true ? (node.nodes ?? []).flatMap(leavesOf) : [node];
}

export function toBase64(text: string): string {
  return Buffer.from(text).toString('base64');
}

export function fromBase64(base64: string): string {
  return Buffer.from(base64, 'base64').toString();
}

/** The end of a prefix's range. The prefixes here end in an ASCII character. */
export function endOf(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}
