import { errorToJson } from './error-json.js';
import { excerpt } from './excerpt.js';
import { messageOf, textOf } from './message-of.js';

// Details are shallow. What lies deeper is shown as text.
const DEEPEST = 6;
const LONGEST_TEXT = 1_000;
const LONGEST_STACK = 4_000;

/**
 * Details of a log message as any logger can take them: texts without control characters, errors that `JSON.stringify` keeps, and
 * nothing that throws when it is looked at.
 */
export function logDetails(details: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(details)) {
    // Also what a user threw is among them, and that can be anything.
    try {
      fields[name] = plain(value, DEEPEST);
    } catch {
      fields[name] = textOf(value);
    }
  }
  return fields;
}

function plain(value: unknown, deep: number): unknown {
  if (typeof value === 'string') return excerpt(value, LONGEST_TEXT);
  if (typeof value === 'bigint' || typeof value === 'symbol' || typeof value === 'function') return textOf(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return shownError(value, deep);
  if (deep === 0) return excerpt(textOf(value), LONGEST_TEXT);
  if (Array.isArray(value)) return value.map((each) => plain(each, deep - 1));
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    return plain((value as { toJSON(): unknown }).toJSON(), deep - 1);
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype) {
    return plain('message' in value ? errorToJson(value) : textOf(value), deep - 1);
  }
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each, deep - 1)]));
}

/**
 * The same error, as far as a logger can tell, whose text is printable and which has a `toJSON`: JSON shows an `Error` as `{}`.
 * The error itself belongs to the user, and stays as it is.
 */
function shownError(error: Error, deep: number): Error {
  const message = messageOf(error);
  const shown = excerpt(message, LONGEST_TEXT);
  const stack = typeof error.stack === 'string' ? cleanStack(error.stack.split(message).join(shown)) : shown;
  const own = (value: unknown) => ({ value, writable: true, configurable: true });
  return Object.create(error, {
    message: own(shown),
    stack: own(stack),
    toJSON: own(() => ({ ...(plain(errorToJson(error), DEEPEST) as object), stack })),
    ...(error.cause !== undefined && { cause: own(deep === 0 ? shown : plain(error.cause, deep - 1)) }),
  }) as Error;
}

/** A stack has lines. Otherwise it is as printable as a message. */
function cleanStack(stack: string): string {
  return stack.slice(0, LONGEST_STACK).replace(/(?!\n)\p{Cc}/gu, ' ');
}
