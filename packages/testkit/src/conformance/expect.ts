import { inspect } from 'node:util';
import { isStoreError, type CompactedError, type StoreError, type StoreErrorCode } from '@holdfast/store';
import { textOf } from '@holdfast/store/adapter';

// The suite runs under any test runner, so it has its own few assertions.

/** A case throws it if the store breaks the guarantee. */
export class ConformanceFailure extends Error {
  override readonly name = 'ConformanceFailure';
}

export function fail(message: string): never {
  throw new ConformanceFailure(message);
}

export function expectTrue(condition: boolean, message: string): asserts condition {
  if (!condition) fail(message);
}

/** Deep equality by content: byte arrays by their bytes, objects by their defined properties. */
export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  if (!sameContent(actual, expected)) fail(`${what}: expected ${show(expected)}, got ${show(actual)}`);
}

/** Expects the call to fail with a `StoreError` of one of these codes. Gives the error. */
export async function expectStoreError(
  call: PromiseLike<unknown> | (() => PromiseLike<unknown>),
  code: 'compacted',
  what: string,
): Promise<CompactedError>;
export async function expectStoreError(
  call: PromiseLike<unknown> | (() => PromiseLike<unknown>),
  code: StoreErrorCode | readonly StoreErrorCode[],
  what: string,
): Promise<StoreError>;
export async function expectStoreError(
  call: PromiseLike<unknown> | (() => PromiseLike<unknown>),
  code: StoreErrorCode | readonly StoreErrorCode[],
  what: string,
): Promise<StoreError> {
  const codes = typeof code === 'string' ? [code] : code;
  let result: unknown;
  try {
    result = await (typeof call === 'function' ? call() : call);
  } catch (error) {
    if (!isStoreError(error)) fail(`${what}: expected a StoreError ${codes.join(' or ')}, got ${show(error)}`);
    if (!codes.includes(error.code)) {
      fail(`${what}: expected a StoreError ${codes.join(' or ')}, got ${error.code}: ${error.message}`);
    }
    return error;
  }
  return fail(`${what}: expected a StoreError ${codes.join(' or ')}, but the call succeeded with ${show(result)}`);
}

/** Equality of content, across realms and prototypes. */
export function sameContent(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    return a instanceof Uint8Array && b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  }
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => sameContent(item, b[index]));
  }
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const names = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...names].every((name) => sameContent(left[name], right[name]));
}

export function show(value: unknown): string {
  try {
    return inspect(value, { depth: 6, breakLength: 120, maxArrayLength: 40, maxStringLength: 300 });
  } catch {
    return textOf(value);
  }
}

/** The text that a value's bytes encode. */
export function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

export function utf8(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

/** Whether this is a `StoreError` of one of these codes. */
export function isCode(error: unknown, ...codes: StoreErrorCode[]): boolean {
  return isStoreError(error) && codes.includes(error.code);
}
