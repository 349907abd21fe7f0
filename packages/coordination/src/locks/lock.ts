import { StoreError, type CallOptions } from '@holdfast/store';
import { invalidArgument, quoted } from '@holdfast/store/adapter';
import { checkName } from '../names.js';
import { acquire, type Acquired } from '../queue/acquire.js';
import type { SessionContext } from '../life/context.js';
import { checkCallOptions, withLimits } from '../util/limits.js';
import type { Held } from './held.js';
import { HeldLock } from './held-lock.js';

const NO_VALUE = new Uint8Array();

/** Who asks for the first place of a queue, and with which value. */
export interface Wanted {
  readonly call: string;
  readonly what: 'lock' | 'election';
  readonly name: unknown;
  readonly value: Uint8Array;
}

/** Waits for the first place of a queue, within the caller's limits. */
export async function waitFor(
  context: SessionContext,
  wanted: Wanted,
  options: CallOptions | undefined,
): Promise<Acquired & { readonly name: string }> {
  const acquired = await acquireWithin(context, wanted, options, false);
  if (acquired === undefined) throw new StoreError('internal', `${wanted.call} ended without a place in its queue`);
  return acquired;
}

async function acquireWithin(
  context: SessionContext,
  { call, what, name: given, value }: Wanted,
  options: CallOptions | undefined,
  onlyIfFree: boolean,
): Promise<(Acquired & { readonly name: string }) | undefined> {
  const name = checkName(given, what === 'lock' ? 'a lock' : 'an election');
  const limits = checkCallOptions(options, call);
  const { life, clock } = context;
  life.quickCheck();
  const about = { clock, what: () => `${what} ${quoted(name)}`, life: life.over };
  const acquired = await withLimits(limits, about, (signal) => acquire(context, { name, value, onlyIfFree }, signal));
  // The time may have run out since the answer was sent, also while the machine slept.
  life.quickCheck();
  return acquired && { ...acquired, name };
}

export async function lock(context: SessionContext, name: unknown, options?: CallOptions): Promise<HeldLock> {
  const acquired = await waitFor(context, { call: 'lock()', what: 'lock', name, value: NO_VALUE }, options);
  return new HeldLock(context, acquired.name, acquired);
}

export async function tryLock(
  context: SessionContext,
  name: unknown,
  options?: CallOptions,
): Promise<Held | undefined> {
  const wanted = { call: 'tryLock()', what: 'lock', name, value: NO_VALUE } as const;
  const acquired = await acquireWithin(context, wanted, options, true);
  return acquired && new HeldLock(context, acquired.name, acquired);
}

/** Runs work while holding a lock. */
export async function withLock<T>(
  context: SessionContext,
  name: unknown,
  work: (held: Held) => T | PromiseLike<T>,
  options?: CallOptions,
): Promise<T> {
  if (typeof work !== 'function') throw invalidArgument('withLock() takes a function as its second argument');
  const held = await lock(context, name, options);
  let result: T;
  try {
    result = await work(held);
  } catch (error) {
    await held[Symbol.asyncDispose]();
    throw error;
  }
  await held.releaseAfterWork();
  return result;
}
