import { Client } from 'pg';
import type { Postgres } from '@holdfast/testkit';

/** Runs statements on a connection of its own, past the store. Gives the rows of the last one. */
export async function sql(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  // The server may be stopped under it.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const result = await client.query(text);
    const last = (Array.isArray(result) ? result.at(-1) : result) as typeof result;
    return last.rows as readonly Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

/** The same over one connection, made anew when it was lost: for what is asked many times. */
export class Asker {
  readonly #url: string;
  #client: Client | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  async ask(text: string): Promise<readonly Record<string, unknown>[]> {
    try {
      if (this.#client === undefined) {
        const client = new Client({ connectionString: this.#url });
        client.on('error', () => undefined);
        await client.connect();
        this.#client = client;
      }
      return (await this.#client.query(text)).rows as readonly Record<string, unknown>[];
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }
}

let made = 0;

/** A schema of its own, in one of the databases of a server that a test file shares. */
export function nextSchema(): string {
  made += 1;
  return `store_${made}`;
}

/** The server's connection string through another port. */
export function through(server: Pick<Postgres, 'url' | 'port'>, port: number): string {
  return server.url.replace(`:${server.port}/`, `:${port}/`);
}
