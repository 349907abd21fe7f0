import type { ConfigStore } from '@holdfast/store';
import { checkStorableKey, invalidArgument, quoted } from '@holdfast/store/adapter';

/** Where a replication writes in the target. */
export interface Places {
  /** What its copies are under. */
  readonly prefix: string;
  /** Its record. */
  readonly record: string;
  /** What else belongs to the record. Not below the record itself: on etcd v2 a key can't be a directory too. */
  readonly besideRecord: string;
  /** One key for each own revision of the target: see the room's `txn-ledger.ts`. */
  readonly receipts: string;
  /** One key for each own key of a target without transactions: see the room's `single-ledger.ts`. */
  readonly marks: string;
}

const DEFAULT_RECORDS = '/holdfast/replicate/';
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** @throws StoreError `invalid-argument` */
export function checkPlaces(
  options: {
    readonly prefix: string;
    readonly targetPrefix?: unknown;
    readonly name: unknown;
    readonly recordKey?: unknown;
  },
  target: ConfigStore,
): Places {
  const { name, targetPrefix: prefix = options.prefix } = options;
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw invalidArgument(
      "name must be 1 to 128 letters, digits, '.', '-' or '_', a letter or digit first: the record is found again by it",
    );
  }
  if (typeof prefix !== 'string') throw invalidArgument('targetPrefix must be a string');
  const { recordKey: record = DEFAULT_RECORDS + name } = options;
  if (typeof record !== 'string') throw invalidArgument('recordKey must be a string');
  checkStorableKey(record, target.capabilities);
  const besideRecord = `${record}~`;
  if (record.startsWith(prefix) || besideRecord.startsWith(prefix) || prefix.startsWith(besideRecord)) {
    throw invalidArgument(
      `recordKey ${quoted(record)} is under targetPrefix ${quoted(prefix)}, where it would be taken for a copied key; ` +
        `give a recordKey outside of it, or a longer prefix`,
    );
  }
  return {
    prefix,
    record,
    besideRecord,
    receipts: `${besideRecord}receipts/`,
    marks: `${besideRecord}keys/`,
  };
}
