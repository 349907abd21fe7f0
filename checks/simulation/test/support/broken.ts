// Broken implementations and stores, which the checkers of a kind of worlds are to find.
import { isStoreError, StoreError, type ConfigStore, type Txn, type TxnResult } from '@holdfast/store';
import type { Violation } from '@holdfast/testkit';
import { expect } from '@jest/globals';
import { override } from '../../../../.ci/test/support/override.js';

export interface Broken<Implementation> {
  readonly wrapStore?: (store: ConfigStore) => ConfigStore;
  readonly implementation?: Implementation;
}

export interface BrokenKind<Implementation> {
  readonly name: string;
  /** Which checker is to find it, before any other does. */
  readonly guarantee: string;
  /** The first seed to try, where it takes something that few worlds have. */
  readonly from?: number;
  /** Breaks the code; or gives a store or an implementation that is broken. */
  readonly install: () => Broken<Implementation>;
}

/** A campaign that tells of each world what it broke, and ends where that says `false`. */
type Campaign<Implementation> = (
  options: Broken<Implementation> & {
    readonly first: number;
    readonly seeds: number;
    readonly onSeed: (seed: number, failure: { readonly violations: readonly Violation[] } | undefined) => boolean;
  },
) => Promise<unknown>;

/** A store whose transactions are asked for, or answered, otherwise. */
export function withTxn(
  change: (txn: Txn) => Txn,
  answer = (result: Promise<TxnResult>) => result,
): { readonly wrapStore: (store: ConfigStore) => ConfigStore } {
  return {
    wrapStore: (store) => override(store, { txn: (txn, options) => answer(store.txn(change(txn), options)) }),
  };
}

/** A store whose outages are final. */
export function withFinalOutages(store: ConfigStore): ConfigStore {
  return override(store, {
    txn: (txn, options) =>
      store.txn(txn, options).catch((error: unknown) => {
        if (!isStoreError(error, 'unavailable')) throw error;
        throw new StoreError('unavailable', error.message, { outcome: error.outcome, retryable: false });
      }),
  });
}

/** Expects that the checker that is to find it does so first, within so many worlds. */
export async function expectFound<Implementation>(
  { from = 1, guarantee, install }: BrokenKind<Implementation>,
  run: Campaign<Implementation>,
  mostWorlds: number,
): Promise<void> {
  const found: string[] = [];
  let isCaught = false;
  await run({
    first: from,
    seeds: mostWorlds,
    ...install(),
    onSeed: (seed, failure) => {
      for (const each of failure?.violations ?? []) found.push(`${seed} ${each.guarantee}: ${each.message}`);
      isCaught = failure?.violations[0]?.guarantee === guarantee;
      return !isCaught;
    },
  });
  expect({ isCaught, found: isCaught ? [] : found.slice(0, 10) }).toEqual({ isCaught: true, found: [] });
}
