import type { Client, Pool } from 'pg';
import { digestSorted } from '../data/digest.js';
import type { Contender } from './contender.js';
import { jsonContent } from './loaders.js';

const SELECT = 'SELECT key, value FROM plain WHERE key >= $1 AND key < $2';
const PUT = 'INSERT INTO plain VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value';

async function connect(connectionString: string): Promise<Client> {
  const { Client } = (await import('pg')).default;
  const client = new Client({ connectionString });
  await client.connect();
  return client;
}

/** A table of keys and texts, as one would write it by hand with `pg`. */
export async function pgContender(url: string): Promise<Contender> {
  const { Pool } = (await import('pg')).default;
  const pool: Pool = new Pool({ connectionString: url, max: 4 });
  const select = async <T>(prefix: string, keep: (value: string) => T) => {
    const client = await connect(url);
    const { rows } = await client.query<{ key: string; value: string }>(SELECT, [prefix, endOf(prefix)]);
    const map = new Map<string, T>();
    for (const { key, value } of rows) map.set(key, keep(value));
    return { map, client };
  };
  return {
    load: async (prefix) => {
      const { map, client } = await select(prefix, (value) => value);
      return { content: map, digest: () => digestSorted(map), close: () => client.end() };
    },
    loadParsed: async (prefix) => {
      const { map, client } = await select(prefix, (value) => JSON.parse(value) as unknown);
      return { content: map, digest: () => digestSorted(jsonContent(map)), close: () => client.end() };
    },
    put: async (key, value) => {
      const client = await pool.connect();
      await client.query('BEGIN');
      await client.query(PUT, [key, value]);
      await client.query('COMMIT');
      client.release();
    },
    close: () => pool.end(),
  };
}

/** The table of {@link pgContender}, filled. */
export async function fillPlain(url: string, entries: Iterable<readonly [key: string, value: string]>): Promise<void> {
  const client = await connect(url);
  await client.query('CREATE TABLE plain (key text COLLATE "C" PRIMARY KEY, value text NOT NULL)');
  let [keys, values]: [string[], string[]] = [[], []];
  const send = async (): Promise<void> => {
    await client.query('INSERT INTO plain SELECT * FROM unnest($1::text[], $2::text[])', [keys, values]);
    [keys, values] = [[], []];
  };
  for (const [key, value] of entries) {
    keys.push(key);
    values.push(value);
    if (keys.length === 1_000) await send();
  }
  await send();
  await client.end();
}

/** What a database does by itself now and then. */
export async function vacuum(url: string): Promise<void> {
  const client = await connect(url);
  await client.query('VACUUM ANALYZE');
  await client.end();
}

/** The first key after those with a prefix of ASCII. */
export function endOf(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}
