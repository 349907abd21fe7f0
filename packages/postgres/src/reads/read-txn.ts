import type { Bookmark, KeyValue, ListResult, Revision, TxnResult } from '@holdfast/store';
import {
  runTxn,
  type DriverListOptions,
  type DriverTxn,
  type KeyRange,
  type TxnState,
  type UndecodableEntry,
} from '@holdfast/adapter-kit';
import type { Session } from '../connection/session.js';
import type { Row } from '../sql/literals.js';
import { bookmarkOf, metaOf, type Meta } from '../sql/meta.js';
import type { Tables } from '../sql/tables.js';
import { columns, entryOf, isUtf8, present, rawEntryOf, versionOf, within, type Version } from '../sql/versions.js';
import { listWithin, type ReadingTransaction } from './list-within.js';

/**
 * Runs a transaction that only reads, in one snapshot and without the store's lock. `undefined` if the server is to be checked first.
 *
 * @param selectMeta the statement that says where the store stands
 */
export async function runReadingTxn(
  session: Session,
  tables: Tables,
  selectMeta: string,
  txn: DriverTxn,
): Promise<TxnResult | undefined> {
  const results = await session.run(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${selectMeta}`);
  const meta = metaOf(results[1]?.[0]);
  if (!meta.isChecked) return undefined;
  const result = await runTxn(txn, new Snapshot(session, tables, meta));
  await session.run('COMMIT');
  return result;
}

class Snapshot implements TxnState, ReadingTransaction {
  readonly tables: Tables;
  readonly before: Bookmark;
  readonly compacted: number;
  readonly #session: Session;

  constructor(session: Session, tables: Tables, meta: Meta) {
    this.#session = session;
    this.tables = tables;
    this.before = bookmarkOf(meta);
    this.compacted = meta.compacted;
  }

  async read(statement: string): Promise<readonly Row[]> {
    const [rows = []] = await this.#session.run(statement);
    return rows;
  }

  async entries(range: KeyRange): Promise<readonly KeyValue[]> {
    return (await this.#versions(range)).filter(isUtf8).map(entryOf);
  }

  async undecodable(range: KeyRange): Promise<readonly UndecodableEntry[]> {
    return (await this.#versions(range)).filter((version) => !isUtf8(version)).map(rawEntryOf);
  }

  past(range: KeyRange, options: DriverListOptions): Promise<ListResult> {
    return listWithin(this, range, options);
  }

  put(): never {
    throw new TypeError('a transaction that only reads has no put');
  }

  delete(): never {
    throw new TypeError('a transaction that only reads has no delete');
  }

  revision(): Revision {
    return this.before.revision;
  }

  async #versions(range: KeyRange): Promise<readonly Version[]> {
    const rows = await this.read(
      `SELECT ${columns('v')} FROM ${this.tables.versions} v WHERE ${within(range, 'v.key')} AND ${present('v', undefined)}`,
    );
    return rows.map((row) => versionOf(row));
  }
}
