import type { Capabilities, ConfigStore } from '@holdfast/store';
import { change, type AnyPut } from './change.js';
import { limited, onlyDirectories, withoutWrites } from './fewer.js';
import type { Mutant } from './mutant.js';

/** A store that declares something else than what it does. */
function declaring(changes: { readonly [Name in keyof Capabilities]?: unknown }): Mutant['apply'] {
  return (store) => change(store, { capabilities: { ...store.capabilities, ...changes } as Capabilities });
}

/** In characters, of what callers without types may pass too. */
const lengthOf = (given: string | Uint8Array): unknown => (given as { length?: unknown } | undefined)?.length;

/** A store where a guard by more than so many bytes does not hold. */
function longGuardsFail(store: ConfigStore, bytes: number): ConfigStore {
  const unless = async <T>(options: { readonly ifValue?: string | Uint8Array } | undefined, call: () => Promise<T>) => {
    const ifValue = options?.ifValue;
    return ifValue !== undefined && ifValue.length > bytes ? { succeeded: false } : call();
  };
  return change(store, {
    put: (key, value, options) => unless(options, () => store.put(key, value, options)),
    delete: (range, options) => unless(options, () => store.delete(range, options)),
  });
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
  {
    id: 'C15.longer-keys-than-declared',
    title: 'longer keys are taken than are declared',
    caughtBy: ['C15.keys-up-to-the-limit'],
    apply: declaring({ maxKeyBytes: 700 }),
  },
  {
    id: 'C15.key-limit-in-characters',
    title: 'the longest key is measured in characters',
    caughtBy: ['C15.keys-up-to-the-limit'],
    apply: (store) => {
      const other = limited(store, { maxKeyBytes: 700 });
      const put: AnyPut = (key, value, options) => (lengthOf(key) === 700 ? store : other).put(key, value, options);
      return change(other, { put });
    },
  },
  {
    id: 'C15.value-limit-in-characters',
    title: 'the longest value is measured in characters',
    caughtBy: ['C15.values-up-to-the-limit'],
    apply: (store) => {
      const other = limited(store, { maxValueBytes: 2 ** 19 });
      const put: AnyPut = (key, value, options) =>
        (lengthOf(value) === 2 ** 19 ? store : other).put(key, value, options);
      return change(other, { put });
    },
  },
  {
    id: 'C15.guards-longer-than-values',
    title: 'a guard by a longer value than any key can have does not hold',
    caughtBy: ['C15.values-up-to-the-limit'],
    apply: (store) => longGuardsFail(limited(store, { maxValueBytes: 2 ** 19 }), 2 ** 19),
  },
  {
    id: 'C6.guards-longer-than-requests',
    title: 'a guard by a longer value than a request may have does not hold',
    caughtBy: ['C6.too-large-a-guard'],
    apply: (store) => longGuardsFail(store, store.capabilities.maxRequestBytes ?? 0),
  },
  {
    id: 'C15.undeclared-writes',
    title: 'writes are made, and declared to be impossible',
    caughtBy: ['C15.read-only-store-refuses-writes'],
    apply: declaring({ writes: false, leases: false, leaseListing: false, ttl: false }),
  },
  {
    id: 'C15.read-only-with-leases',
    title: 'leases are declared by a store that can only be read',
    caughtBy: ['C15.read-only-declares-no-leases'],
    apply: (store) => {
      const reading = withoutWrites(store);
      return change(reading, { capabilities: { ...reading.capabilities, leases: true, ttl: true } });
    },
  },
  {
    id: 'C6.directory-deletes-told-otherwise',
    title: 'the deletion of a directory is declared as one event, and told key by key',
    caughtBy: ['C6.directory-delete'],
    apply: (store) => {
      const directories = onlyDirectories(store);
      return change(directories, {
        capabilities: { ...directories.capabilities, rangeDeleteEvents: 'delete-range' },
      });
    },
  },
];
