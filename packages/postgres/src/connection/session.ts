import { endsConnection } from '../errors.js';
import type { PostgresClient } from '../options.js';
import type { Row } from '../sql/literals.js';
import type { VersionRows } from '../sql/copied.js';
import type { CopiedRows } from './copied-rows.js';

// Every value comes as the text that the server sent: what it means is known where it was asked for.
const AS_TEXT = { getTypeParser: () => (value: string) => value };

interface Result {
  readonly command?: string;
  readonly rows?: readonly Row[];
}

/** The class of a client's queries, which each client of `pg` has. It ignores the rows of a COPY. */
type QueryClass = new (
  config: object,
  values: undefined,
  done: (error: Error | null | undefined, results: unknown) => void,
) => object;

/** What the connections of a store have in common. */
export interface Link {
  /** Their clients hand on what a COPY sends. */
  copies: boolean;
}

/** The class of a client's queries, if it can be told to hand on what a COPY sends. Clients of another kind, such as `pg-native`, can't. */
function copyingQuery(client: object): QueryClass | undefined {
  const { Query } = client.constructor as { Query?: { readonly prototype?: { readonly handleCopyData?: unknown } } };
  return typeof Query?.prototype?.handleCopyData === 'function' ? (Query as unknown as QueryClass) : undefined;
}

/** A connection while it is somebody's. */
export class Session {
  readonly #client: Pick<PostgresClient, 'query'>;
  readonly #link: Link;
  /** It can't be used any more. */
  isLost = false;
  /** Its connection has answered not long ago. One that has been idle may be dead: something on the way, or the server, has dropped it. */
  readonly isFresh: boolean;
  /** A transaction may be open on it. */
  #isOpen = false;

  constructor(client: Pick<PostgresClient, 'query'>, link: Link = { copies: false }, isFresh = false) {
    this.#client = client;
    this.#link = link;
    this.isFresh = isFresh;
  }

  /** Runs statements in one request. Gives the rows of each of them. */
  async run(text: string): Promise<readonly (readonly Row[])[]> {
    const results = await this.#run(text, () => this.#client.query({ text, rowMode: 'array', types: AS_TEXT }));
    return results.map(({ rows = [] }) => rows);
  }

  /** Runs statements in one request, a select of versions among them, whose rows go to `into`. @param at which of the statements it is */
  async runWith(
    statements: readonly string[],
    at: number,
    { copy, select }: VersionRows,
    into: CopiedRows,
  ): Promise<readonly (readonly Row[])[]> {
    const Query = this.#link.copies ? copyingQuery(this.#client) : undefined;
    const text = statements.toSpliced(at, 0, Query === undefined ? select : copy).join(';\n');
    if (Query === undefined) {
      const rows = await this.run(text);
      into.endWith((rows[at] ?? []).map((row) => row[0] ?? ''));
      return rows;
    }
    const add = into.begin();
    const results = await this.#run(
      text,
      () =>
        new Promise((resolve, reject) => {
          const query = new Query({ text, rowMode: 'array', types: AS_TEXT }, undefined, (error, all) => {
            if (error) reject(error);
            else resolve(all);
          });
          Object.assign(query, {
            handleCopyData: ({ chunk }: { readonly chunk: Uint8Array }) => {
              add(chunk);
            },
          });
          void this.#client.query(query);
        }),
    );
    if (!into.end()) {
      // Something between us and the client has made another query of ours. From now on the rows come as text.
      this.#link.copies = false;
      throw new Error('the rows of a COPY did not all come');
    }
    return results.map(({ rows = [] }) => rows);
  }

  async #run(text: string, send: () => Promise<unknown>): Promise<readonly Result[]> {
    this.#isOpen = true;
    try {
      const results = (await send()) as Result | readonly Result[];
      const all: readonly Result[] = Array.isArray(results) ? results : [results as Result];
      const last = all.at(-1)?.command;
      if (last === 'COMMIT' || last === 'ROLLBACK') this.#isOpen = false;
      // The server says so where something had failed before. It must never pass for a commit.
      if (last === 'ROLLBACK' && text.endsWith('COMMIT')) throw new Error('the server rolled the transaction back');
      return all;
    } catch (error) {
      if (endsConnection(error)) this.isLost = true;
      throw error;
    }
  }

  /** Makes sure that no transaction is open. */
  async tidy(): Promise<void> {
    if (!this.#isOpen || this.isLost) return;
    try {
      await this.run('ROLLBACK');
    } catch {
      this.isLost = true;
    }
  }
}
