import { errorToJson } from './error-json.js';
import { messageOf } from './message-of.js';
import type { Revision } from './revision.js';

/** All codes of {@link StoreError}. The union is closed: adding a code is a breaking change. */
export const STORE_ERROR_CODES = [
  'unavailable',
  'timeout',
  'aborted',
  'closed',
  'unauthenticated',
  'permission-denied',
  'compacted',
  'future-revision',
  'history-changed',
  'lease-not-found',
  'session-lost',
  'invalid-argument',
  'too-large',
  'unsupported',
  'not-found',
  'conflict',
  'internal',
] as const;

export type StoreErrorCode = (typeof STORE_ERROR_CODES)[number];

/**
 * What a failed write did to the store: `'not-applied'` only if that is certain, `'unknown'` if the request may have
 * reached the server. Errors of reads and watches have none.
 */
export type WriteOutcome = 'unknown' | 'not-applied';

export interface StoreErrorOptions {
  readonly cause?: unknown;
  /** Whether the same call may succeed later, unchanged. By default true for `unavailable` and `timeout` only. */
  readonly retryable?: boolean;
  readonly outcome?: WriteOutcome | undefined;
  /** The endpoint that answered, or that could not be reached. Never with credentials. */
  readonly endpoint?: string | undefined;
}

/** A {@link StoreError} as plain data: what `JSON.stringify` makes of it. */
export interface StoreErrorJson {
  readonly name: string;
  readonly code: StoreErrorCode;
  readonly message: string;
  readonly endpoint?: string;
  readonly outcome?: WriteOutcome;
  readonly retryable: boolean;
  /** Of a {@link CompactedError}. */
  readonly compactRevision?: number;
  readonly revision?: number;
  /** What led to it, as plain data too: `{ name, message, … }` of an error, with its own `cause`. */
  readonly cause?: unknown;
}

// A registered symbol, so that two installed copies of this package recognise each other's errors.
const BRAND = Symbol.for('holdfast.StoreError');
// The same for the mark of `refusedLocally`.
const LOCAL = Symbol.for('holdfast.StoreError.refusedLocally');
// A backend that answers a write with one of these has looked at it and done nothing. Not among them: 'too-large', which may be said of
// the answer, and 'history-changed', which may be noticed after the write.
const REFUSALS: ReadonlySet<StoreErrorCode> = new Set([
  'unauthenticated',
  'permission-denied',
  'compacted',
  'future-revision',
  'lease-not-found',
  'invalid-argument',
  'unsupported',
  'not-found',
  'conflict',
]);
const RETRYABLE_BY_DEFAULT: ReadonlySet<StoreErrorCode> = new Set(['unavailable', 'timeout']);

/**
 * The one error class of the contract. Recognise it by {@link isStoreError}, not by `instanceof`, and tell errors
 * apart by `code`.
 */
export class StoreError extends Error {
  override readonly name: string = 'StoreError';
  readonly code: StoreErrorCode;
  readonly retryable: boolean;
  readonly outcome?: WriteOutcome;
  readonly endpoint?: string;

  constructor(code: StoreErrorCode, message: string, options: StoreErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.retryable = options.retryable ?? RETRYABLE_BY_DEFAULT.has(code);
    if (options.outcome !== undefined) this.outcome = options.outcome;
    if (options.endpoint !== undefined) this.endpoint = options.endpoint;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** For `JSON.stringify`: name, code, message, endpoint, outcome, `retryable` and the causes, as plain data. */
  toJSON(): StoreErrorJson {
    return errorToJson(this) as unknown as StoreErrorJson;
  }
}

/** The history up to {@link CompactedError.compactRevision} is gone. Read again, then watch from that read's bookmark. */
export class CompactedError extends StoreError {
  override readonly name = 'CompactedError';
  /** The newest compacted revision. As etcd counts, it is the oldest one that can still be read. */
  readonly compactRevision: Revision;
  /** The store's head at that moment, if the backend gives it. */
  readonly revision?: Revision;

  constructor(
    message: string,
    options: StoreErrorOptions & { readonly compactRevision: Revision; readonly revision?: Revision | undefined },
  ) {
    super('compacted', message, options);
    this.compactRevision = options.compactRevision;
    if (options.revision !== undefined) this.revision = options.revision;
  }
}

/** Whether `error` is a {@link StoreError}, of any installed copy of this package, and has that code if one is given. */
export function isStoreError(error: unknown, code: 'compacted'): error is CompactedError;
export function isStoreError(error: unknown, code?: StoreErrorCode): error is StoreError;
export function isStoreError(error: unknown, code?: StoreErrorCode): error is StoreError {
  if (typeof error !== 'object' || error === null) return false;
  try {
    return (
      (error as Record<symbol, unknown>)[BRAND] === true && (code === undefined || (error as StoreError).code === code)
    );
  } catch {
    // Anything can be thrown, also an object that can't be looked at.
    return false;
  }
}

/** Whatever was thrown, as a {@link StoreError}: `internal` if an adapter or a store has broken its contract and thrown something else. */
export function toStoreError(thrown: unknown): StoreError {
  if (isStoreError(thrown)) return thrown;
  return new StoreError('internal', `the adapter failed unexpectedly: ${messageOf(thrown)}; please report it`, {
    cause: thrown,
  });
}

/**
 * Marks a refusal as made in this process, before anything was sent: by the arguments, by the store's capabilities, or because the
 * store is closed. No server and no proxy can say that, whatever codes they answer with. A mirror ends only by such a refusal.
 */
export function refusedLocally<E extends StoreError>(error: E): E {
  if (Object.isExtensible(error)) Object.defineProperty(error, LOCAL, { value: true });
  return error;
}

/** Whether an error is marked by {@link refusedLocally}, by any copy of this package. */
export function isRefusedLocally(error: unknown): error is StoreError {
  return isStoreError(error) && (error as unknown as Record<symbol, unknown>)[LOCAL] === true;
}

/** What a failed write did, where its adapter does not say: nothing if the code is a refusal. */
export function outcomeOf({ code, outcome }: StoreError): WriteOutcome {
  return outcome ?? (REFUSALS.has(code) ? 'not-applied' : 'unknown');
}

/** The same error with a write outcome, for layers that learn the outcome after the error arose. */
export function withOutcome(error: StoreError, outcome: WriteOutcome): StoreError {
  if (error.outcome === outcome) return error;
  const { code, message, retryable, endpoint } = error;
  const options = { cause: error, retryable, outcome, endpoint };
  if (isRefusedLocally(error)) return refusedLocally(new StoreError(code, message, options));
  if (!isStoreError(error, 'compacted')) return new StoreError(code, message, options);
  const { compactRevision, revision } = error;
  return new CompactedError(message, { ...options, compactRevision, revision });
}
