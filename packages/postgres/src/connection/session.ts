import { endsConnection } from '../errors.js';
import type { PostgresClient } from '../options.js';
import type { Row } from '../sql/literals.js';

// Every value comes as the text that the server sent: what it means is known where it was asked for.
const AS_TEXT = { getTypeParser: () => (value: string) => value };

interface Result {
  readonly command?: string;
  readonly rows?: readonly Row[];
}

/** A connection while it is somebody's. */
export class Session {
  readonly #client: Pick<PostgresClient, 'query'>;
  /** It can't be used any more. */
  isLost = false;
  /** A transaction may be open on it. */
  #isOpen = false;

  constructor(client: Pick<PostgresClient, 'query'>) {
    this.#client = client;
  }

  /** Runs statements in one request. Gives the rows of each of them. */
  async run(text: string): Promise<readonly (readonly Row[])[]> {
    this.#isOpen = true;
    try {
      const results = (await this.#client.query({ text, rowMode: 'array', types: AS_TEXT })) as
        Result | readonly Result[];
      const all: readonly Result[] = Array.isArray(results) ? results : [results as Result];
      const last = all.at(-1)?.command;
      if (last === 'COMMIT' || last === 'ROLLBACK') this.#isOpen = false;
      // The server says so where something had failed before. It must never pass for a commit.
      if (last === 'ROLLBACK' && text.endsWith('COMMIT')) throw new Error('the server rolled the transaction back');
      return all.map(({ rows = [] }) => rows);
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
