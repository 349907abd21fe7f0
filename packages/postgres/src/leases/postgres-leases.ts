import { randomBytes } from 'node:crypto';
import type { LeaseId, LeaseStatus } from '@holdfast/store';
import { compareKeys, invalidArgument, leaseNotFound, type DriverCall, type DriverLeases } from '@holdfast/adapter-kit';
import type { Backend } from '../backend.js';
import { integer, number, text, type Row } from '../sql/literals.js';
import { metaOf, selectMeta } from '../sql/meta.js';
import { present } from '../sql/versions.js';
import { grantJob, revokeJob } from '../writes/jobs.js';
import type { WriteQueue } from '../writes/write-queue.js';

// etcd's limit: about 285 years.
const MAX_TTL_SECONDS = 9_000_000_000;

/** Leases in a table, judged by the database's clock alone. */
export function postgresLeases(backend: Backend, queue: WriteQueue): DriverLeases {
  const { leases, versions } = backend.tables;
  const isAlive = 'expires_at > clock_timestamp()';
  return {
    grant: async (ttl, id, { signal }) => {
      if (ttl > MAX_TTL_SECONDS) {
        throw invalidArgument(`a lease of ${ttl} seconds is too long; the most is ${MAX_TTL_SECONDS}`);
      }
      return { id: await queue.submit(grantJob(ttl, id, randomId), signal), ttl };
    },
    revoke: (id, { signal }) => queue.submit(revokeJob(id), signal),
    keepAlive: async (id, call) => {
      const ttl = await keepAlive(backend, id, call);
      return { id, ttl };
    },
    timeToLive: async (id, { keys }, call): Promise<LeaseStatus> => {
      const at = integer(id);
      const statement = `SELECT ttl, ceil(extract(epoch FROM expires_at - clock_timestamp()))::bigint FROM ${leases} WHERE id = ${at} AND ${isAlive}`;
      const attached = `SELECT encode(v.key, 'hex') FROM ${versions} v WHERE v.lease = ${at} AND ${present('v', undefined)}`;
      const { results } = await backend.read(keys ? [statement, attached] : [statement], call);
      const [[lease] = [], names = []] = results;
      if (lease === undefined) throw leaseNotFound(id);
      const status = { id, grantedTtl: number(lease, 0), ttl: number(lease, 1) };
      return keys ? { ...status, keys: names.map(nameOf).sort(compareKeys) } : status;
    },
    list: async (call) => {
      const { results } = await backend.read([`SELECT id FROM ${leases} WHERE ${isAlive} ORDER BY id`], call);
      return (results[0] ?? []).map((row) => text(row, 0));
    },
  };
}

/** Without the store's lock, and without a flush: after a crash each lease begins anew. */
async function keepAlive(backend: Backend, id: LeaseId, { signal }: DriverCall): Promise<number> {
  const { tables } = backend;
  for (let checks = 0; ; checks += 1) {
    const results = await backend.use(
      (session) =>
        session.run(`BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = off; ${selectMeta(tables)};
UPDATE ${tables.leases} SET expires_at = clock_timestamp() + ttl * interval '1 second' WHERE id = ${integer(id)} AND expires_at > clock_timestamp() RETURNING ttl; COMMIT`),
      { signal },
    );
    const [meta, renewed] = results.slice(2);
    if (!metaOf(meta?.[0]).isChecked) {
      await backend.checkAgain(checks, signal);
      continue;
    }
    if (renewed?.[0] === undefined) throw leaseNotFound(id);
    return number(renewed[0], 0);
  }
}

function nameOf(row: Row): string {
  return Buffer.from(text(row, 0), 'hex').toString('utf8');
}

/** A random positive 63-bit id, like etcd's. */
function randomId(): LeaseId {
  const id = randomBytes(8).readBigUInt64BE() >> 1n;
  return String(id === 0n ? 1n : id);
}
