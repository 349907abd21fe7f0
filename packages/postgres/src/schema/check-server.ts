import type { Session } from '../connection/session.js';
import { isNotOffered } from '../errors.js';
import { headOf } from '../sql/meta.js';
import { SERVER, UNKNOWN_SERVER, type Tables } from '../sql/tables.js';
import { beginWrite } from './begin.js';

/** How far the revision is raised where acknowledged ones may be lost: further than anybody can have written. */
const RAISED_BY = 2n ** 32n;

/** Notes that the server was checked since it started. */
export function noteChecked(t: Tables): string {
  return `DELETE FROM ${t.checked};
INSERT INTO ${t.checked} (started_at, relation) VALUES (pg_postmaster_start_time(), '');
UPDATE ${t.checked} SET relation = tableoid::text;`;
}

/**
 * Looks whether this is the server, with the tables, that is noted. It runs after each start, crash and promotion, before anything is served.
 * If it is another one, acknowledged revisions may be gone: the history gets another identity, and goes on far above all that were ever given.
 * Each lease begins anew, since nobody could renew one meanwhile.
 *
 * @returns whether the server can be told from others at all
 */
export async function checkServer(session: Session, t: Tables): Promise<boolean> {
  try {
    await check(session, t, SERVER);
    return true;
  } catch (error) {
    if (!isNotOffered(error) || session.isLost) throw error;
    await session.tidy();
    await check(session, t, UNKNOWN_SERVER);
    return false;
  }
}

async function check(session: Session, t: Tables, server: string): Promise<void> {
  const isChecked = `EXISTS (SELECT FROM ${t.checked} WHERE started_at = pg_postmaster_start_time() AND relation = tableoid::text)`;
  // Without fsync, a crash may have taken acknowledged revisions with it. It has emptied the unlogged table.
  const mayHaveLost = `(current_setting('fsync') = 'off' AND NOT EXISTS (SELECT FROM ${t.checked}))`;
  const isOther = `((s.system, s.timeline, s.database) <> (${server}) OR s.relation <> s.tableoid::text OR ${mayHaveLost})`;
  await session.run(`${beginWrite()}
LOCK TABLE ${t.writeLock} IN EXCLUSIVE MODE;
UPDATE ${t.store} s SET epoch = gen_random_uuid(), base = ${headOf(t)} + ${RAISED_BY} WHERE ${isOther} AND NOT ${isChecked};
UPDATE ${t.store} s SET (system, timeline, database, relation) = (SELECT ${server}, s.tableoid::text) WHERE NOT ${isChecked};
UPDATE ${t.leases} SET expires_at = clock_timestamp() + ttl * interval '1 second' WHERE NOT ${isChecked};
${noteChecked(t)}
COMMIT`);
}
