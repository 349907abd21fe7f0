import { toValueBytes } from './bytes.js';
import type { Capabilities } from './capabilities.js';
import { systemClock, type Clock } from './clock.js';
import type { DriverGuard } from './driver.js';
import { StoreError } from './errors.js';
import type { LeaseId } from './key-value.js';
import { shown, textOf } from './message-of.js';
import type { Consistency, SortOrder } from './options.js';
import { toRevision, type Revision } from './revision.js';

// What callers pass, not yet checked: JavaScript callers and casts can pass anything.
export type Untrusted = Readonly<Record<string, unknown>>;

/** The options that every call takes. */
export const CALL_OPTIONS: readonly string[] = ['signal', 'timeoutMs'];

/**
 * Checks the names of options. A misspelt guard (`ifAbsnt`) would otherwise become an unguarded write, and a misspelt time-out none.
 *
 * @param call what takes the options, for the message: `put()`, `timeouts`
 * @returns the options; an empty object for `undefined`
 * @throws StoreError `invalid-argument`, with the names that are allowed. It repeats no value.
 */
export function checkNames(options: unknown, allowed: readonly string[], call: string): Untrusted {
  if (options === undefined) return {};
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalid(`${call} takes an object with ${allowed.join(', ')}`);
  }
  for (const name of Object.keys(options)) {
    if (!allowed.includes(name))
      throw invalid(`${call} has no option ${JSON.stringify(name)}; it takes ${allowed.join(', ')}`);
  }
  return options as Untrusted;
}

export function checkFlag(options: Untrusted, name: string): boolean {
  const value = options[name];
  if (value === undefined) return false;
  if (typeof value !== 'boolean') throw invalid(`${name} must be true or false`);
  return value;
}

/** @throws StoreError `invalid-argument` unless it has the methods of a clock; `undefined` is the system's. */
export function checkClock(value: unknown): Clock {
  if (value === undefined) return systemClock;
  if (isClock(value)) return value;
  throw invalid('clock must be an object with the methods now, setTimeout and clearTimeout');
}

function isClock(value: unknown): value is Clock {
  if (typeof value !== 'object' || value === null) return false;
  const { now, setTimeout, clearTimeout } = value as Partial<Readonly<Record<keyof Clock, unknown>>>;
  return [now, setTimeout, clearTimeout].every((method) => typeof method === 'function');
}

/** @throws StoreError `invalid-argument` unless it is a number of milliseconds that a timer can wait. */
export function checkMs(value: unknown, name: string): number {
  if (typeof value === 'number' && value > 0 && value < 2 ** 31) return value;
  throw invalid(`${name} must be a number of milliseconds above 0 and below 2^31, not ${textOf(value)}`);
}

/** @throws StoreError `invalid-argument` unless it is a whole number from 1. */
export function checkWhole(value: unknown, name: string, unit: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 1) {
    throw invalid(`${name} must be a whole number of ${unit} from 1, not ${textOf(value)}`);
  }
  return value as number;
}

export function checkRevision(options: Untrusted, name: string): Revision | undefined {
  const value = options[name];
  if (value === undefined) return undefined;
  return revisionOf(value, name);
}

export function revisionOf(value: unknown, name: string): Revision {
  if (typeof value !== 'number') throw invalid(`${name} must be a revision that the store gave, not ${typeof value}`);
  return toRevision(value);
}

export function checkLimit(options: Untrusted): number | undefined {
  return options['limit'] === undefined ? undefined : checkWhole(options['limit'], 'limit', 'items');
}

export function checkConsistency(options: Untrusted): Consistency {
  const value = options['consistency'] ?? 'linearizable';
  if (value !== 'linearizable' && value !== 'serializable') {
    throw invalid(`consistency must be 'linearizable' or 'serializable', not ${shown(value)}`);
  }
  return value;
}

const SORT_TARGETS: readonly unknown[] = ['key', 'version', 'createRevision', 'modRevision', 'value'];
const SORT_ORDERS: readonly unknown[] = ['ascend', 'descend'];

export function checkSort(options: Untrusted): SortOrder | undefined {
  const sort = options['sort'];
  if (sort === undefined) return undefined;
  const { target, order } = checkNames(sort, ['target', 'order'], 'sort');
  if (!SORT_TARGETS.includes(target)) throw invalid(`sort.target must be one of ${SORT_TARGETS.join(', ')}`);
  if (!SORT_ORDERS.includes(order)) throw invalid(`sort.order must be 'ascend' or 'descend'`);
  return sort as SortOrder;
}

/** A lease id is the decimal form of a positive 63-bit integer, as etcd gives it. */
export function checkLeaseId(id: unknown): asserts id is LeaseId {
  if (typeof id !== 'string' || !/^[1-9]\d{0,18}$/.test(id) || BigInt(id) > 0x7fff_ffff_ffff_ffffn) {
    throw invalid(
      `a lease id is a decimal string from '1' to '9223372036854775807', as grant() gives it, not ${textOf(id)}`,
    );
  }
}

/** @throws StoreError `unsupported`, before anything is sent, if the capability is missing. */
export function need(has: boolean, store: string, capability: keyof Capabilities, what: string): void {
  if (!has) {
    throw new StoreError('unsupported', `the ${store} store can't do ${what} (see its capabilities.${capability})`, {
      outcome: 'not-applied',
    });
  }
}

export const PUT_GUARDS: readonly string[] = ['ifAbsent', 'ifPresent', 'ifModRevision', 'ifValue'];
export const DELETE_GUARDS: readonly string[] = ['ifModRevision', 'ifValue'];

/**
 * The one guard among the options. A guard whose value is `undefined` is refused: `ifModRevision: entry?.modRevision`
 * must not become an unguarded write when the entry is missing.
 */
export function checkGuard(options: Untrusted, allowed: readonly string[]): DriverGuard | undefined {
  const given = allowed.filter((name) => name in options);
  const name = given[0];
  if (name === undefined) return undefined;
  if (given.length > 1) throw invalid(`a write takes one guard, not ${given.join(' and ')}; use txn() for more`);
  const value = options[name];
  if (value === undefined) throw invalid(`${name} is undefined; leave it out for an unguarded write`);
  switch (name) {
    case 'ifAbsent':
    case 'ifPresent':
      if (value !== true) throw invalid(`${name} can only be true; leave it out for an unguarded write`);
      return { kind: name === 'ifAbsent' ? 'absent' : 'present' };
    case 'ifModRevision':
      return { kind: 'modRevision', modRevision: revisionOf(value, name) };
    default:
      return { kind: 'value', value: toValueBytes(value, name) };
  }
}

export function invalid(message: string): StoreError {
  return new StoreError('invalid-argument', message);
}
