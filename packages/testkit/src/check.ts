import { checkNames, invalidArgument, isThenable, textOf, type Untrusted } from '@holdfast/store/adapter';

// Tests are often written without types. Each mistake is told as what it is, before anything is started.

/** @throws StoreError `invalid-argument` for what is no object, and for a name that is not allowed */
export function checkOptions(options: unknown, allowed: readonly string[], taker: string): Untrusted {
  checkAwaited(options, taker);
  return checkNames(options, allowed, taker);
}

/** @throws StoreError `invalid-argument` unless it is a string with at least one character */
export function checkText(value: unknown, name: string, example: string): string {
  checkAwaited(value, name);
  if (typeof value === 'string' && value !== '') return value;
  throw invalidArgument(`${name} must be a string, such as ${example}, not ${found(value)}`);
}

/** @throws StoreError `invalid-argument` unless it is a number, `NaN` and `Infinity` included */
export function checkNumber(value: unknown, name: string, unit: string): number {
  checkAwaited(value, name);
  if (typeof value === 'number') return value;
  throw invalidArgument(`${name} must be a number of ${unit}, not ${found(value)}`);
}

/** @throws StoreError `invalid-argument` unless it is a function */
export function checkFunction(value: unknown, name: string): void {
  checkAwaited(value, name);
  if (typeof value !== 'function') throw invalidArgument(`${name} must be a function, not ${found(value)}`);
}

/** @throws StoreError `invalid-argument` unless it is one of these values */
export function checkOneOf(value: unknown, allowed: readonly unknown[], name: string): void {
  checkAwaited(value, name);
  if (allowed.includes(value)) return;
  throw invalidArgument(`${name} must be one of ${allowed.map(textOf).join(', ')}, not ${found(value)}`);
}

/**
 * Checks that it is an object that has what is needed of it.
 *
 * @param needed the names of its members
 * @param source what makes such an object, for the message
 * @throws StoreError `invalid-argument`
 */
export function checkShape(value: unknown, needed: readonly string[], name: string, source: string): void {
  checkAwaited(value, name);
  const has = (member: string) => (value as Untrusted)[member] !== undefined;
  if (typeof value === 'object' && value !== null && needed.every(has)) return;
  throw invalidArgument(`${name} must be an object with ${needed.join(', ')}, as ${source}`);
}

/** @throws StoreError `invalid-argument` unless it can be iterated */
export function checkIterable(value: unknown, name: string): void {
  checkAwaited(value, name);
  if (typeof value === 'object' && value !== null && Symbol.iterator in value) return;
  throw invalidArgument(`${name} must be an array or another iterable, not ${found(value)}`);
}

/** @throws StoreError `invalid-argument` for a promise: an `await` was forgotten */
export function checkAwaited(value: unknown, name: string): void {
  if (isThenable(value)) throw invalidArgument(`${name} is a promise: write await before what makes it`);
}

/** A wrong value as messages show it. */
export function found(value: unknown): string {
  return value === '' ? 'an empty string' : textOf(value);
}
