// A process that uses the folder beside the one under test: calls of the store, done for the campaign.
import { lmdbStore } from '@holdfast/lmdb';
import { serve } from './serve.js';

const [path = '', sync = 'always', quotaBytes = ''] = process.argv.slice(2);
const store = lmdbStore({ path, sync: sync as 'always' | 'batched', quotaBytes: Number(quotaBytes), pollMs: 200 });

type Methods = Readonly<Record<string, (...given: readonly unknown[]) => unknown>>;

/** A method of the store, or of its leases: `leases.grant`. */
serve((path, args) => {
  const [name = '', group] = path.split('.').reverse();
  const methods = (group === 'leases' ? store.leases : store) as unknown as Methods;
  return methods[name]?.(...args);
});
