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
