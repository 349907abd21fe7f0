import {
  isStoreError,
  type CallOptions,
  type Revision,
  type StoreError,
  type TxnResult,
  type ValueInput,
} from '@holdfast/store';
import { abortable, quoted, toValueBytes, withOutcome } from '@holdfast/store/adapter';
import { isUnknown } from '../errors.js';
import type { SessionContext } from '../life/context.js';
import { HeldLock } from '../locks/held-lock.js';
import { waitFor } from '../locks/lock.js';
import type { Acquired } from '../queue/acquire.js';
import { checkCallOptions, withLimits } from '../util/limits.js';
import type { Leadership } from './leadership.js';

/** Waits to be the leader. */
export async function campaign(
  context: SessionContext,
  name: unknown,
  value: unknown,
  options?: CallOptions,
): Promise<Leadership> {
  const bytes = checkValue(value, 'campaign()');
  const acquired = await waitFor(context, { call: 'campaign()', what: 'election', name, value: bytes }, options);
  return new Lead(context, acquired.name, acquired);
}

/** A copy: the write may be made again when the caller has changed its bytes. */
function checkValue(value: unknown, call: string): Uint8Array {
  return new Uint8Array(toValueBytes(value, `the value of ${call}`));
}

/** The end of a proclamation holds nothing of its result, which would hold all that were before it. */
const nothing = (): void => undefined;

class Lead extends HeldLock implements Leadership {
  /** The newest write to our key; `undefined` after one whose answer was lost. */
  #written: Revision | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(context: SessionContext, name: string, acquired: Acquired) {
    super(context, name, acquired);
    this.#written = acquired.place.createRevision;
  }

  async proclaim(value: ValueInput, options?: CallOptions): Promise<void> {
    const bytes = checkValue(value, 'proclaim()');
    const limits = checkCallOptions(options, 'proclaim()');
    this.check();
    const { clock, life } = this.context;
    const about = { clock, what: `the proclamation in election ${quoted(this.name)}`, life: life.signal };
    const previous = this.#last;
    const proclaimed = withLimits(limits, about, (signal) => this.#writeAfter(previous, bytes, signal));
    // One that was given up while it waited must not let a later one pass those before it.
    this.#last = Promise.allSettled([previous, proclaimed]).then(nothing);
    await proclaimed;
  }

  async resign(options?: CallOptions): Promise<void> {
    await this.giveUp(options, 'resign()');
  }

  async #writeAfter(previous: Promise<unknown>, value: Uint8Array, signal: AbortSignal): Promise<void> {
    try {
      await abortable(previous, signal);
      await this.#write(value, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
      // The caller's own limit is what ended it, or the session. Whether the value was written, only the write itself can tell.
      const outcome = isStoreError(error) ? error.outcome : undefined;
      throw withOutcome(signal.reason as StoreError, outcome ?? 'not-applied');
    }
  }

  async #write(value: Uint8Array, signal: AbortSignal): Promise<void> {
    for (;;) {
      this.check();
      const { succeeded, revision, results } = await this.#put(value, await this.#newest(signal), signal);
      this.context.noteRevision(revision);
      if (succeeded) {
        this.#written = revision;
        return;
      }
      const [found] = results;
      const item = found?.type === 'get' ? found.item : undefined;
      if (item?.createRevision !== this.place.createRevision) this.lose('is gone');
      // A write whose answer was lost has landed meanwhile.
      this.#written = item?.modRevision;
    }
  }

  /** The compare on the newest write keeps out one whose answer was lost, and that is still on its way. */
  async #put(value: Uint8Array, modRevision: Revision, signal: AbortSignal): Promise<TxnResult> {
    const { key } = this;
    this.#written = undefined;
    try {
      return await this.context.store.txn(
        {
          if: [this.compare, { key, target: 'modRevision', op: '=', value: modRevision }],
          then: [{ type: 'put', key, value, lease: this.context.lease }],
          else: [{ type: 'get', key }],
        },
        { signal },
      );
    } catch (error) {
      if (isUnknown(error)) throw isStoreError(error) ? withOutcome(error, 'unknown') : error;
      this.#written = modRevision;
      throw this.context.explained(error);
    }
  }

  async #newest(signal: AbortSignal): Promise<Revision> {
    if (this.#written !== undefined) return this.#written;
    const item = await this.context.insist((ended) => this.context.store.get(this.key, { signal: ended }), signal);
    if (item?.createRevision !== this.place.createRevision) this.lose('is gone');
    this.check();
    return item?.modRevision ?? this.place.createRevision;
  }
}
