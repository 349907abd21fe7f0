import { toRevision, type WatchEvent } from '@holdfast/store';
import { Client } from 'pg';
import type { Held, HeldEntry, HeldOptions, Outside } from '../outside.js';
import { HistoryGone, keyValue, type TruthSource } from '../truth-source.js';

const TIMEOUT_MS = 2_000;
const LOOK_EVERY_MS = 15;

type Row = Readonly<Record<string, string | null>>;

/** The newest revision, as SQL. */
const HEAD = `greatest(s.base, s.compacted, coalesce((SELECT max(revision) FROM holdfast.versions), 0))`;

/** The tables, as any program can read them. `primary`: the connection string of the server that serves now. */
export function postgresOutside(primary: () => string): Outside {
  return {
    held: (prefix, { endpoint, timeoutMs = TIMEOUT_MS }: HeldOptions = {}) =>
      ask(endpoint ?? primary(), timeoutMs, (query) => held(query, prefix)),
    watchers: () =>
      ask(primary(), TIMEOUT_MS, async (query) => {
        const [row] = await query("SELECT count(*)::text AS n FROM pg_stat_activity WHERE query LIKE 'LISTEN%'");
        return Number(row?.['n']);
      }),
  };
}

type Query = (text: string) => Promise<readonly Row[]>;

async function held(query: Query, prefix: string): Promise<Held> {
  const rows = await query(
    `SELECT ${HEAD}::text AS head, s.epoch::text AS epoch, v.key, v.value, v.revision::text AS revision, v.created
     FROM holdfast.store s LEFT JOIN (
       SELECT DISTINCT ON (versions.key) convert_from(key, 'UTF8') AS key, convert_from(value, 'UTF8') AS value, revision, create_revision::text AS created, version
       FROM holdfast.versions WHERE ${within(prefix)} ORDER BY versions.key, versions.revision DESC
     ) v ON v.version > 0`,
  );
  if (rows.length === 0) throw new Error('the table of the store is empty');
  const entries = new Map<string, HeldEntry>();
  for (const { key, value, revision, created } of rows) {
    if (typeof key !== 'string') continue;
    entries.set(key, { value: value ?? '', modRevision: Number(revision), createRevision: Number(created) });
  }
  return { revision: Number(rows[0]?.['head']), identity: `postgres-${rows[0]?.['epoch']}`, entries };
}

export async function postgresLeases(primary: string): Promise<ReadonlySet<string>> {
  const rows = await ask(primary, TIMEOUT_MS, (query) => query('SELECT id::text AS id FROM holdfast.leases'));
  return new Set(rows.map(({ id }) => String(id)));
}

/** Reads the table of changes again and again. `above`: what the keys begin with that it tells of. */
export function postgresSource(primary: () => string, above: string): TruthSource {
  return {
    async *follow(endpoint, after, signal) {
      const client = clientOf(endpoint, TIMEOUT_MS);
      try {
        await client.connect();
        let last = after;
        while (!signal.aborted) {
          const { rows } = await client.query<Row>(
            `SELECT s.compacted::text AS compacted, ${HEAD}::text AS head, v.revision::text AS revision, v.version::text AS version, v.create_revision::text AS created,
               convert_from(v.key, 'UTF8') AS key, convert_from(v.value, 'UTF8') AS value
             FROM holdfast.store s LEFT JOIN (SELECT * FROM holdfast.versions WHERE revision > ${last} AND ${within(above)}) v ON true
             ORDER BY v.revision, v.position`,
          );
          if (Number(rows[0]?.['compacted']) > last) throw new HistoryGone(`compacted at ${rows[0]?.['compacted']}`);
          last = Number(rows[0]?.['head']);
          yield rows.flatMap(eventOf);
          await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
        }
      } finally {
        client.end().catch(() => undefined);
      }
    },
    mark: () =>
      ask(primary(), TIMEOUT_MS, async (query) => {
        const [row] = await query(
          `SELECT coalesce(max(revision), 0)::text AS last FROM holdfast.versions WHERE ${within(above)}`,
        );
        return Number(row?.['last']);
      }),
  };
}

function eventOf({ revision, version, created, key, value }: Row): WatchEvent[] {
  if (typeof key !== 'string') return [];
  const at = toRevision(Number(revision));
  if (version === '0') return [{ type: 'delete', revision: at, key }];
  const entry = { value: value ?? '', modRevision: Number(revision), createRevision: Number(created) };
  return [{ type: 'put', revision: at, current: keyValue(key, entry), isCreate: version === '1' }];
}

/** Asks over a connection of its own: a kept one may be half-open after a fault. */
async function ask<T>(url: string, timeoutMs: number, work: (query: Query) => Promise<T>): Promise<T> {
  const client = clientOf(url, timeoutMs);
  try {
    await client.connect();
    return await work(async (text) => (await client.query<Row>(text)).rows);
  } finally {
    client.end().catch(() => undefined);
  }
}

function clientOf(connectionString: string, timeoutMs: number): Client {
  const client = new Client({ connectionString, connectionTimeoutMillis: timeoutMs, query_timeout: timeoutMs });
  // Whoever waits for an answer is told.
  client.on('error', () => undefined);
  return client;
}

/** Keys that begin with a text. It ends with a letter or a slash here. */
function within(prefix: string): string {
  const end = prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
  return `versions.key >= convert_to('${prefix}', 'UTF8') AND versions.key < convert_to('${end}', 'UTF8')`;
}
