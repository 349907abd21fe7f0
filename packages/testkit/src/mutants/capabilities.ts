import type { Capabilities } from '@holdfast/store';
import { change } from './change.js';
import type { Mutant } from './mutant.js';

/** A store that declares something else than what it does. */
function declaring(changes: { readonly [Name in keyof Capabilities]?: unknown }): Mutant['apply'] {
  return (store) => change(store, { capabilities: { ...store.capabilities, ...changes } as Capabilities });
}

export const capabilityMutants: readonly Mutant[] = [
  {
    id: 'C15.undeclared-leases',
    title: 'leases are there, and not declared',
    caughtBy: ['C15.undeclared-leases-are-unsupported'],
    apply: declaring({ leases: false }),
  },
  {
    id: 'C15.undeclared-transactions',
    title: 'transactions of many keys are made, and not declared',
    caughtBy: ['C15.single-key-refuses-more'],
    apply: declaring({ transactions: 'single-key' }),
  },
  {
    id: 'C15.undeclared-past',
    title: 'the past can be read, and is not declared',
    caughtBy: ['C4.no-past-is-unsupported'],
    apply: declaring({ historicalReads: false }),
  },
  {
    id: 'C15.limit-declared-too-low',
    title: 'more operations are taken than are declared',
    caughtBy: ['C9.too-many-operations'],
    apply: declaring({ maxTxnOperations: 100 }),
  },
  {
    id: 'C15.not-data',
    title: 'a capability is a function',
    caughtBy: ['C15.declared-as-data'],
    apply: declaring({ serializableReads: () => true }),
  },
  {
    id: 'C15.leases-without-ttl',
    title: 'leases are declared, and ttl is not',
    caughtBy: ['C15.leases-imply-ttl', 'C15.undeclared-ttl-is-unsupported'],
    apply: declaring({ ttl: false }),
  },
];
