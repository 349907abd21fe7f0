import { Pool } from 'pg';
import { openStore } from '@holdfast/store';
import {
  reservePort,
  startPostgres,
  startProxy,
  type ArmedCut,
  type ConformanceBackend,
  type Proxy,
} from '@holdfast/testkit';
import { postgres, postgresStore, type PostgresStoreOptions } from '@holdfast/postgres';
import { sql, through } from './database.js';

const SCHEMA = 'conformance';

/** The most connections that the stores of a case may have at a time, of the server's 60. */
const MAX_CONNECTIONS = 24;

/**
 * A real PostgreSQL for the conformance suite. The stores of all cases share a pool, as those of one application do: a connection of its own costs
 * each case as much as the rest of it. Those that meet a fault, and the one opened by URL, have connections of their own.
 */
export async function bindPostgres(version: string): Promise<ConformanceBackend> {
  const server = await startPostgres({ version });
  const nobody = await reservePort();
  const proxies: Proxy[] = [];
  const open = (connectionString: string, options: Partial<PostgresStoreOptions> = {}) =>
    postgresStore({ connectionString, schema: SCHEMA, pollMs: 250, ...options });
  const past = open(server.url);
  const pool = new Pool({ connectionString: server.url, max: MAX_CONNECTIONS });
  const write = async (key: Uint8Array, value: Uint8Array | undefined): Promise<void> => {
    const hex = (bytes: Uint8Array) => `decode('${Buffer.from(bytes).toString('hex')}', 'hex')`;
    await sql(
      server.url,
      `BEGIN; LOCK TABLE ${SCHEMA}.write_lock IN EXCLUSIVE MODE;
       WITH head AS (SELECT greatest(base, compacted, coalesce((SELECT max(revision) FROM ${SCHEMA}.versions), 0)) + 1 AS revision FROM ${SCHEMA}.store),
       before AS (UPDATE ${SCHEMA}.versions SET next_revision = head.revision FROM head WHERE key = ${hex(key)} AND next_revision IS NULL RETURNING versions.*)
       INSERT INTO ${SCHEMA}.versions (key, revision, position, create_revision, version, previous_revision, value)
       SELECT ${hex(key)}, head.revision, 0, ${value === undefined ? '0, 0' : 'CASE WHEN before.version > 0 THEN before.create_revision ELSE head.revision END, coalesce(before.version, 0) + 1'}, before.revision, ${hex(value ?? new Uint8Array())}
       FROM head LEFT JOIN before ON true;
       COMMIT`,
    );
  };
  await past.status();
  return {
    scanKeys: 2_000,
    open: (options) => postgresStore({ pool, schema: SCHEMA, pollMs: 250, ...options }),
    hooks: {
      putRaw: write,
      deleteRaw: (key) => write(key, undefined),
      writeOutside: (key, value) => write(Buffer.from(key), value),
      unreachable: async () => ({
        store: open(`postgres://postgres@127.0.0.1:${nobody.port}/postgres`),
        endpoint: `postgres://127.0.0.1:${nobody.port}/postgres`,
      }),
      disturbed: async (options) => {
        const proxy = await startProxy(`http://127.0.0.1:${server.port}`);
        proxies.push(proxy);
        let armed: ArmedCut | undefined;
        const link = {
          // The answers before the one to the commit are needed to get that far.
          loseAnswers: () => {
            armed = proxy.cutWhen(
              (chunk) => {
                if (Buffer.from(chunk).includes('COMMIT\0')) {
                  queueMicrotask(() => {
                    proxy.stall('toClient');
                  });
                }
                return false;
              },
              { direction: 'toServer' },
            );
          },
          cut: () => {
            proxy.refuse();
            proxy.cut();
          },
          heal: async () => {
            armed?.disarm();
            proxy.cut();
            await proxy.allow();
          },
        };
        return { store: open(through(server, proxy.port), options), link };
      },
      disturb: {
        break: () => server.stop(),
        heal: () => server.start(),
      },
      openByUrl: () => openStore(`${server.url}?schema=${SCHEMA}`, { adapters: [postgres] }),
    },
    close: async () => {
      await Promise.all([past.close(), pool.end()]);
      await Promise.all(proxies.map((proxy) => proxy.close()));
      nobody.release();
      await server.close();
    },
  };
}
