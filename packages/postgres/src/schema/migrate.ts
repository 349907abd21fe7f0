import type { Session } from '../connection/session.js';
import { endsConnection, isNotOffered, newerFormat } from '../errors.js';
import { anyText, number, plainText, type Row } from '../sql/literals.js';
import { createPut } from '../sql/put-function.js';
import { createTables, FORMAT, SERVER, UNKNOWN_SERVER, type Tables } from '../sql/tables.js';
import { beginWrite } from './begin.js';
import { noteChecked } from './check-server.js';

// cspell:ignore lanname proname pronamespace

/** What the catalog says of a schema. */
interface Found {
  readonly hasTables: boolean;
  readonly hasFunction: boolean;
  /** Whether the role could make the function. */
  readonly mayMakeFunction: boolean;
}

const HAS_LANGUAGE = `EXISTS (SELECT FROM pg_catalog.pg_language WHERE lanname = 'plpgsql' AND has_language_privilege(oid, 'USAGE'))`;

/** Asked of the catalog by a query, which sees what was committed before it. `to_regclass` may answer from a cache. */
function selectFound(t: Tables): string {
  return `SELECT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relname = 'store'),
  EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.pronamespace = n.oid AND p.proname = ${plainText(t.putName)}),
  has_schema_privilege(n.oid, 'CREATE') AND NOT pg_catalog.pg_is_in_recovery() AND ${HAS_LANGUAGE}
  FROM pg_catalog.pg_namespace n WHERE n.nspname = ${anyText(t.name)}`;
}

/** `undefined` where there is no such schema. */
function foundOf([row]: readonly Row[] = []): Found | undefined {
  if (row === undefined) return undefined;
  const [hasTables, hasFunction, mayMakeFunction] = row.map((column) => column === 't');
  return {
    hasTables: hasTables === true,
    hasFunction: hasFunction === true,
    mayMakeFunction: mayMakeFunction === true,
  };
}

/**
 * Creates the tables where there are none, and what an older version has not made beside them. Several processes may do it at once: one of them
 * does.
 *
 * @throws StoreError `unsupported` for tables of a newer format, and what the server says
 */
export async function migrate(session: Session, t: Tables, isAllowed: boolean): Promise<void> {
  const [rows] = await session.run(selectFound(t));
  const found = foundOf(rows);
  if (found?.hasTables === true || !isAllowed) {
    await checkFormat(session, t);
    if (isAllowed && found?.hasFunction === false && found.mayMakeFunction) await addFunction(session, t);
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

async function checkFormat(session: Session, t: Tables): Promise<void> {
  const [rows] = await session.run(`SELECT format FROM ${t.store}`);
  const format = number(rows?.[0], 0);
  if (format > FORMAT) throw newerFormat(t.name, format, FORMAT);
}

/** The tables are of an older version, which did not have it. Without it, puts take longer, and nothing else happens. */
async function addFunction(session: Session, t: Tables): Promise<void> {
  try {
    // Nobody waits for another process that does the same.
    const results = await session.run(
      `${beginWrite()} SELECT pg_try_advisory_xact_lock(${t.migrationLock}); ${selectFound(t)}`,
    );
    const [locked, rows] = results.slice(-2);
    const isMine = locked?.[0]?.[0] === 't' && foundOf(rows)?.hasFunction === false;
    await session.run(isMine ? `${createPut(t)} COMMIT` : 'ROLLBACK');
  } catch (error) {
    if (endsConnection(error)) throw error;
    await session.tidy();
  }
}

async function create(session: Session, t: Tables, server: string): Promise<void> {
  // The lock comes first, in a statement of its own: what is looked at next is what its last holder has left.
  const results = await session.run(
    `${beginWrite()} SELECT pg_advisory_xact_lock(${t.migrationLock}); ${selectFound(t)}; SELECT ${HAS_LANGUAGE};`,
  );
  const [rows, language] = results.slice(-2);
  const found = foundOf(rows);
  if (found?.hasTables === true) {
    await session.run('ROLLBACK');
    return;
  }
  const schema = found === undefined ? `CREATE SCHEMA ${t.schema};` : '';
  // Without it, puts take longer.
  const put = language?.[0]?.[0] === 't' ? createPut(t) : '';
  await session.run(`${schema} ${createTables(t, server)} ${put} ${noteChecked(t)} COMMIT`);
}
