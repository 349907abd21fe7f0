import {
  type CallOptions,
  type DeleteResult,
  type GuardedDeleteResult,
  type GuardedPutResult,
  isStoreError,
  type PutResult,
  type Revision,
  StoreError,
} from '@holdfast/store';
import {
  addAbortListener,
  checkMs,
  checkNames,
  checkSignal,
  messageOf,
  quoted,
  refusedLocally,
  removeAbortListener,
  toStoreError,
  whenAborted,
  withDeadline,
  withOutcome,
} from '@holdfast/store/adapter';
import type { Encoder } from '../entries/encoder.js';
import type { Runtime } from '../runtime/runtime.js';
import type { CollectionTable } from '../table/collection-table.js';
import { stopwatch } from '../util/stopwatch.js';
import {
  type AnyDeleteOptions,
  type AnyPutOptions,
  DELETE_NAMES,
  PUT_NAMES,
  PUT_OP_NAMES,
  type PutOp,
  type PutOpOptions,
} from './write-options.js';

/** Typed writes to the keys of one collection: checked before anything is sent, and written through the mirror's store. */
export class Writer {
  readonly #runtime: Runtime;
  readonly #table: CollectionTable;
  readonly #encoder: Encoder;

  constructor(runtime: Runtime, table: CollectionTable, encoder: Encoder) {
    this.#runtime = runtime;
    this.#table = table;
    this.#encoder = encoder;
  }

  async put(id: string, value: unknown, options?: AnyPutOptions): Promise<PutResult | GuardedPutResult> {
    const { key, given } = this.#begin(id, options, PUT_NAMES, 'put()');
    const { ifUnchanged, ...rest } = given as AnyPutOptions;
    // As the mirror knows it now, whatever comes while the value is checked.
    const guard = isAsked(ifUnchanged, rest) ? this.#unchanged(key) : undefined;
    const { store, settings } = this.#runtime;
    const passed = stopwatch(settings.clock);
    const bytes = await this.#encode(key, value, rest);
    const left = rest.timeoutMs === undefined ? rest : { ...rest, timeoutMs: Math.max(1, rest.timeoutMs - passed()) };
    if (guard === undefined) return store.put(key, bytes, left);
    if (guard.modRevision === undefined) return store.put(key, bytes, { ...left, ifAbsent: true } as never);
    return store.put(key, bytes, { ...left, ifModRevision: guard.modRevision } as never);
  }

  async delete(id: string, options?: AnyDeleteOptions): Promise<DeleteResult | GuardedDeleteResult> {
    const { key, given } = this.#begin(id, options, DELETE_NAMES, 'delete()');
    const { ifUnchanged, ...rest } = given as AnyDeleteOptions;
    const { store } = this.#runtime;
    if (!isAsked(ifUnchanged, rest)) return store.delete(key, rest);
    const { modRevision } = this.#unchanged(key);
    if (modRevision !== undefined) return store.delete(key, { ...rest, ifModRevision: modRevision } as never);
    return this.#isAbsent(key, rest);
  }

  async putOp(id: string, value: unknown, options?: PutOpOptions): Promise<PutOp> {
    const { key, given } = this.#begin(id, options, PUT_OP_NAMES, 'putOp()');
    const bytes = await this.#encode(key, value, {});
    return { type: 'put', key, value: bytes, ...given };
  }

  /** The whole key, and the options by their names. */
  #begin(
    id: unknown,
    options: unknown,
    names: readonly string[],
    call: string,
  ): { readonly key: string; readonly given: object } {
    try {
      if (this.#runtime.signal.aborted) throw closed();
      // Read once: options may have getters.
      const given = { ...checkNames(options, names, call) };
      checkSignal(given['signal']);
      if (given['timeoutMs'] !== undefined) checkMs(given['timeoutMs'], 'timeoutMs');
      return { key: this.#keyOf(id), given };
    } catch (error) {
      const told = isStoreError(error)
        ? error
        : new StoreError('invalid-argument', `the options of ${call} can't be read: ${messageOf(error)}`, {
            cause: error,
          });
      throw refusedLocally(withOutcome(told, NOTHING_SENT));
    }
  }

  #keyOf(id: unknown): string {
    if (typeof id !== 'string') {
      throw new StoreError('invalid-argument', `a key of a mirror must be a string, not ${typeof id}`);
    }
    const key = this.#table.absolute(id);
    const { range } = this.#table;
    if (range.key !== undefined && key !== range.key) {
      const message = `this is the one key ${quoted(range.key)}, and ${quoted(key)} is another one`;
      throw new StoreError('invalid-argument', message);
    }
    return key;
  }

  /** Checks the value, which may take a while where its schema is asynchronous: no longer than the call may take, or the mirror is open. */
  async #encode(key: string, value: unknown, { signal, timeoutMs }: CallOptions): Promise<Uint8Array> {
    const { settings, signal: closing } = this.#runtime;
    const either = new AbortController();
    const onClose = () => {
      either.abort(closed());
    };
    const onAbort = () => {
      const cause: unknown = signal?.reason;
      either.abort(
        new StoreError('aborted', `the write of ${quoted(key)} was aborted`, { cause, outcome: NOTHING_SENT }),
      );
    };
    const late = () =>
      new StoreError('timeout', `the value of ${quoted(key)} was not checked within ${timeoutMs} ms`, {
        outcome: NOTHING_SENT,
      });
    const work = async (until: AbortSignal) => {
      const bytes = await this.#encoder.encode(value, `the value of ${quoted(key)}`, until);
      until.throwIfAborted();
      return bytes;
    };
    addAbortListener(closing, onClose);
    whenAborted(signal, onAbort);
    try {
      if (timeoutMs === undefined) return await work(either.signal);
      const limits = { clock: settings.clock, ms: timeoutMs, signal: either.signal, late };
      return await withDeadline(limits, (deadline) => work(deadline.signal));
    } catch (error) {
      throw refusedLocally(toStoreError(error));
    } finally {
      removeAbortListener(closing, onClose);
      removeAbortListener(signal, onAbort);
    }
  }

  /** What the mirror knows of the key: a bad value's revision too. */
  #unchanged(key: string): { readonly modRevision: Revision | undefined } {
    return { modRevision: this.#table.revisions(this.#table.relative(key))?.modRevision };
  }

  /** A delete of a key that the mirror does not know: it holds where the store has none either. */
  async #isAbsent(key: string, { signal, timeoutMs }: AnyDeleteOptions): Promise<GuardedDeleteResult> {
    const reading = this.#runtime.store.list({ key }, { signal, timeoutMs });
    const { items, bookmark } = await reading.catch((error: unknown) => {
      throw withOutcome(toStoreError(error), NOTHING_SENT);
    });
    const [current] = items;
    if (current === undefined) return { succeeded: true, revision: bookmark.revision, deleted: 0 };
    return this.#runtime.store.capabilities.guardReturnsCurrent ? { succeeded: false, current } : { succeeded: false };
  }
}

const NOTHING_SENT = 'not-applied';

function closed(): StoreError {
  return new StoreError('closed', 'the mirror is closed; write through the store', { outcome: NOTHING_SENT });
}

/** @throws StoreError `invalid-argument` for a second guard, and for what is neither true nor left out */
function isAsked(ifUnchanged: unknown, others: object): boolean {
  if (ifUnchanged === undefined) return false;
  const second = ['ifAbsent', 'ifPresent', 'ifModRevision', 'ifValue'].find(
    (name) => (others as Readonly<Record<string, unknown>>)[name] !== undefined,
  );
  const message =
    ifUnchanged !== true
      ? 'ifUnchanged must be true, or be left out'
      : second === undefined
        ? undefined
        : `ifUnchanged and ${second} are two guards; a write has one: leave one out, or use txn() for both`;
  if (message === undefined) return true;
  throw refusedLocally(new StoreError('invalid-argument', message, { outcome: NOTHING_SENT }));
}
