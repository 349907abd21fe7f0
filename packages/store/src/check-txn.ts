import { toValueBytes } from './bytes.js';
import type { Capabilities } from './capabilities.js';
import {
  checkFlag,
  checkLeaseId,
  checkLimit,
  checkNames,
  checkRevision,
  checkSort,
  invalid,
  need,
  type Untrusted,
} from './check-options.js';
import { checkComparableValue, checkStorableKey, checkStorableValue } from './check-syntax.js';
import type { DriverCompare, DriverListOptions, DriverOp, DriverPutOptions, DriverTxn } from './driver.js';
import { StoreError } from './errors.js';
import { shown, textOf } from './message-of.js';
import { KeyRange, type Range } from './range.js';
import { checkTxnConflicts } from './txn-conflicts.js';
import type { CompareOperator } from './txn.js';

const OPERATORS: readonly unknown[] = ['=', '!=', '<', '>'];
// etcd compares int64 numbers. Past the safe integers JavaScript would compare other numbers.
const NUMBER_TARGETS: readonly unknown[] = ['version', 'createRevision', 'modRevision'];
/** How deep transactions may nest: enough for any use, and within the call stack. */
const MAX_DEPTH = 32;

/** A store's name and capabilities: they decide which arguments it takes. */
export interface Backend {
  readonly name: string;
  readonly capabilities: Capabilities;
}

/**
 * Checks a transaction and normalises it for drivers: within the limits, and without two writes to one key.
 *
 * @throws StoreError `invalid-argument`, `too-large` or `unsupported`.
 */
export function checkTxn(txn: unknown, backend: Backend): DriverTxn {
  const normal = normaliseTxn(txn, backend, 1);
  checkTxnConflicts(normal);
  return normal;
}

/** Whether either branch may change the store. */
export function writesAnything(txn: DriverTxn): boolean {
  return [...txn.then, ...txn.else].some((op) => {
    switch (op.type) {
      case 'put':
      case 'delete':
        return true;
      case 'get':
      case 'list':
        return false;
      case 'txn':
        return writesAnything(op.txn);
      default:
        return op satisfies never;
    }
  });
}

function normaliseTxn(txn: unknown, backend: Backend, depth: number): DriverTxn {
  if (txn === undefined) throw invalid('txn() needs a transaction: { if, then, else }');
  if (depth > MAX_DEPTH) throw invalid(`transactions nest at most ${MAX_DEPTH} deep`);
  const given = checkNames(txn, ['if', 'then', 'else'], 'a transaction');
  const list = (name: string): readonly unknown[] => {
    const items = given[name] ?? [];
    if (!Array.isArray(items)) throw invalid(`"${name}" of a transaction must be an array`);
    const most = backend.capabilities.maxTxnOperations;
    if (most !== undefined && items.length > most) {
      throw new StoreError(
        'too-large',
        `"${name}" of the transaction has ${items.length} entries, and the ${backend.name} store takes ${most}; split it`,
      );
    }
    return items;
  };
  return {
    if: list('if').map((compare) => normaliseCompare(compare, backend)),
    then: list('then').map((op) => normaliseOp(op, backend, depth)),
    else: list('else').map((op) => normaliseOp(op, backend, depth)),
  };
}

function normaliseCompare(compare: unknown, backend: Backend): DriverCompare {
  const { key, range, target, op, value } = checkNames(compare, ['key', 'range', 'target', 'op', 'value'], 'a compare');
  if ((key === undefined) === (range === undefined))
    throw invalid('a compare is on a key or a range: give one of them');
  if (!OPERATORS.includes(op)) throw invalid(`the op of a compare must be one of = != < >, not ${shown(op)}`);
  const how = op as CompareOperator;
  const on =
    key === undefined ? checkRange(range, backend) : KeyRange.ofKey(checkStorableKey(key, backend.capabilities));
  if (target === 'value') {
    const what = 'the value of a compare';
    const bytes = checkComparableValue(toValueBytes(value, what), backend.capabilities, what);
    return { range: on, op: how, target, value: bytes };
  }
  if (target === 'lease') {
    const lease = value === 0 ? '0' : value;
    if (lease !== '0') checkLeaseId(lease);
    return { range: on, op: how, target, value: lease };
  }
  if (!NUMBER_TARGETS.includes(target)) {
    throw invalid(
      `the target of a compare must be value, version, createRevision, modRevision or lease, not ${shown(target)}`,
    );
  }
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    throw invalid(`the value of a compare on ${String(target)} must be a whole number from 0, not ${textOf(value)}`);
  }
  if (target === 'version' && !(backend.capabilities.versions || isPresenceCheck(how, value as number))) {
    need(false, backend.name, 'versions', 'version compares other than = 0 and > 0');
  }
  return { range: on, op: how, target: target as 'version', value: value as number };
}

/** A range that may be one key, which then must be one that this backend can have. */
function checkRange(range: unknown, { capabilities }: Backend): KeyRange {
  const keyRange = KeyRange.from(range as Range);
  if (keyRange.key !== undefined) checkStorableKey(keyRange.key, capabilities);
  return keyRange;
}

// `version = 0` and `version > 0` ask whether a key exists. Every backend can tell that (C9).
function isPresenceCheck(op: CompareOperator, value: number): boolean {
  return value === 0 && (op === '=' || op === '>' || op === '!=');
}

function normaliseOp(op: unknown, backend: Backend, depth: number): DriverOp {
  const type = (op as Untrusted | null | undefined)?.['type'];
  switch (type) {
    case 'put': {
      const given = checkNames(
        op,
        ['type', 'key', 'value', 'lease', 'previous', 'ignoreValue', 'ignoreLease'],
        'a put operation',
      );
      const key = checkStorableKey(given['key'], backend.capabilities);
      const value = toValueBytes(given['value'], 'the value of a put operation');
      return {
        type,
        key,
        value: checkStorableValue(value, backend.capabilities, key),
        options: checkPut(given, value, backend),
      };
    }
    case 'delete': {
      const given = checkNames(op, ['type', 'range', 'previous'], 'a delete operation');
      return {
        type,
        range: checkRange(given['range'], backend),
        options: { previous: checkPrevious(given, backend) },
      };
    }
    case 'get': {
      const { key } = checkNames(op, ['type', 'key'], 'a get operation');
      return { type, key: checkStorableKey(key, backend.capabilities) };
    }
    case 'list': {
      const given = checkNames(
        op,
        ['type', 'range', 'revision', 'limit', 'keysOnly', 'countOnly', 'minModRevision', 'sort'],
        'a list operation',
      );
      return { type, range: KeyRange.from(given['range'] as Range), options: checkList(given, backend) };
    }
    case 'txn':
      return { type, txn: normaliseTxn(checkNames(op, ['type', 'txn'], 'a txn operation')['txn'], backend, depth + 1) };
    default:
      throw invalid(`an operation's type must be put, delete, get, list or txn, not ${shown(type)}`);
  }
}

/** The options of a list, without the consistency: inside a transaction there is none. */
export function checkList(given: Untrusted, backend: Backend): DriverListOptions {
  const { capabilities, name } = backend;
  const options: DriverListOptions = {
    revision: checkRevision(given, 'revision'),
    consistency: 'linearizable',
    limit: checkLimit(given),
    keysOnly: checkFlag(given, 'keysOnly'),
    countOnly: checkFlag(given, 'countOnly'),
    minModRevision: checkRevision(given, 'minModRevision'),
    sort: checkSort(given),
  };
  if (options.revision !== undefined)
    need(capabilities.historicalReads, name, 'historicalReads', 'reads at a past revision');
  if (options.minModRevision !== undefined)
    need(capabilities.deltaReads, name, 'deltaReads', 'reads with minModRevision');
  if (options.sort?.target === 'version') need(capabilities.versions, name, 'versions', 'sorting by version');
  return options;
}

/** The options of a put, without a time to live. */
export function checkPut(given: Untrusted, value: Uint8Array, backend: Backend): DriverPutOptions {
  const lease = given['lease'];
  if (lease !== undefined) {
    need(backend.capabilities.leases, backend.name, 'leases', 'leases');
    checkLeaseId(lease);
  }
  const ignoreValue = checkFlag(given, 'ignoreValue');
  const ignoreLease = checkFlag(given, 'ignoreLease');
  if (ignoreValue && value.length > 0) throw invalid('with ignoreValue the value passed must be empty');
  if (ignoreLease && lease !== undefined)
    throw invalid('ignoreLease keeps the lease there is; give it or lease, not both');
  return { lease, ttl: undefined, previous: checkPrevious(given, backend), ignoreValue, ignoreLease };
}

export function checkPrevious(given: Untrusted, backend: Backend): boolean {
  const previous = checkFlag(given, 'previous');
  if (previous) need(backend.capabilities.previousValues, backend.name, 'previousValues', 'previous values');
  return previous;
}
