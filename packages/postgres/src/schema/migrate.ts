import type { Session } from '../connection/session.js';
import { isNotOffered, newerFormat } from '../errors.js';
import { anyText, number, optional, type Row } from '../sql/literals.js';
import { createPut } from '../sql/put-function.js';
import { createTables, FORMAT, SERVER, UNKNOWN_SERVER, type Tables } from '../sql/tables.js';
import { beginWrite } from './begin.js';
import { noteChecked } from './check-server.js';

// cspell:ignore lanname

/** Asked of the catalog by a query, which sees what was committed before it. `to_regclass` may answer from a cache. */
const exists = (t: Tables): string =>
  `SELECT c.oid::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ${anyText(t.name)} AND c.relname = 'store'`;

/**
 * Creates the tables where there are none. Several processes may do it at once: one of them does.
 *
 * @throws StoreError `unsupported` for tables of a newer format, and what the server says
 */
export async function migrate(session: Session, t: Tables, isAllowed: boolean): Promise<void> {
  const [found] = await session.run(exists(t));
  if (isThere(found) || !isAllowed) {
    const [rows] = await session.run(`SELECT format FROM ${t.store}`);
    const format = number(rows?.[0], 0);
    if (format > FORMAT) throw newerFormat(t.name, format, FORMAT);
    return;
  }
  try {
    await create(session, t, SERVER);
  } catch (error) {
    if (!isNotOffered(error) || session.isLost) throw error;
    await session.tidy();
    // The same error, if it is the role that may not create anything.
    await create(session, t, UNKNOWN_SERVER);
  }
}

async function create(session: Session, t: Tables, server: string): Promise<void> {
  // The lock comes first, in a statement of its own: what is looked at next is what its last holder has left.
  const results = await session.run(
    `${beginWrite()} SELECT pg_advisory_xact_lock(${t.migrationLock}); ${exists(t)}; SELECT count(*) FROM pg_namespace WHERE nspname = ${anyText(t.name)}; SELECT count(*) FROM pg_catalog.pg_language WHERE lanname = 'plpgsql' AND has_language_privilege(oid, 'USAGE');`,
  );
  const [found, schemas, languages] = results.slice(-3);
  if (isThere(found)) {
    await session.run('ROLLBACK');
    return;
  }
  const schema = number(schemas?.[0], 0) === 0 ? `CREATE SCHEMA ${t.schema};` : '';
  // Without it, puts take longer.
  const put = number(languages?.[0], 0) === 0 ? '' : createPut(t);
  await session.run(`${schema} ${createTables(t, server)} ${put} ${noteChecked(t)} COMMIT`);
}

function isThere(rows: readonly Row[] | undefined): boolean {
  return optional(rows?.[0], 0) !== undefined;
}
