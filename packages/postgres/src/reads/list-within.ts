import type { ListResult, Revision } from '@holdfast/store';
import {
  compactedError,
  futureRevision,
  listItems,
  type DriverListOptions,
  type KeyRange,
} from '@holdfast/adapter-kit';
import { integer, number, type Row } from '../sql/literals.js';
import type { Meta } from '../sql/meta.js';
import type { Tables } from '../sql/tables.js';
import { columns, entriesOf, present, versionOf, within } from '../sql/versions.js';

/** What a list asks the database for: its entries, and how many there are. */
export function selectList(
  t: Tables,
  range: KeyRange,
  options: DriverListOptions,
): readonly [entries: string, count: string] {
  const { revision, limit, countOnly, keysOnly, minModRevision, sort } = options;
  const condition = `${within(range, 'v.key')} AND ${present('v', revision)}`;
  const count = `SELECT count(*) FROM ${t.versions} v WHERE ${condition}`;
  if (countOnly) return ['SELECT', count];
  const byKey = (sort?.target ?? 'key') === 'key';
  const direction = byKey && sort?.order === 'descend' ? 'DESC' : 'ASC';
  const changed = minModRevision === undefined ? '' : ` AND v.revision >= ${integer(minModRevision)}`;
  // Sorted by something else, all of them are needed.
  const most = limit === undefined || !byKey ? '' : ` LIMIT ${integer(limit + 1)}`;
  const needsValue = !keysOnly || sort?.target === 'value';
  const entries = `SELECT ${columns('v', String(needsValue))} FROM ${t.versions} v WHERE ${condition}${changed} ORDER BY v.key ${direction}${most}`;
  return [entries, isWhole(options) ? 'SELECT' : count];
}

/** Whether the entries themselves can be counted. */
function isWhole({ limit, minModRevision, countOnly }: DriverListOptions): boolean {
  return limit === undefined && minModRevision === undefined && !countOnly;
}

/** Makes the answer to a list of what {@link selectList} gave. */
export function toList(
  entries: readonly Row[],
  count: readonly Row[],
  options: DriverListOptions,
): Omit<ListResult, 'bookmark'> {
  if (options.countOnly) return { items: [], undecodable: [], count: number(count[0], 0), more: false };
  const { items, undecodable } = entriesOf(entries.map((row) => versionOf(row)));
  const list = listItems(items, options, undecodable);
  return isWhole(options) ? list : { ...list, count: number(count[0], 0) };
}

/** @throws StoreError `compacted` or `future-revision` */
export function checkReadable(
  revision: number | undefined,
  { head, compacted }: Pick<Meta, 'head' | 'compacted'>,
): void {
  if (revision === undefined) return;
  if (revision > head) throw futureRevision(revision, head);
  if (revision < compacted) throw compactedError(revision, compacted, head);
}

/** Where a list of a past revision is read within a transaction. */
export interface ReadingTransaction {
  readonly tables: Tables;
  readonly before: { readonly identity: string; readonly revision: number };
  readonly compacted: number;
  read(statement: string): Promise<readonly Row[]>;
}

/** A list of a past revision. @throws StoreError `compacted` or `future-revision` */
export async function listWithin(
  transaction: ReadingTransaction,
  range: KeyRange,
  options: DriverListOptions,
): Promise<ListResult> {
  const { before, compacted, tables } = transaction;
  const revision = options.revision ?? (before.revision as Revision);
  checkReadable(revision, { head: before.revision, compacted });
  const [entries, count] = selectList(tables, range, { ...options, revision });
  const rows = await transaction.read(entries);
  const counted = count === 'SELECT' ? [] : await transaction.read(count);
  return { ...toList(rows, counted, options), bookmark: { identity: before.identity, revision } };
}
