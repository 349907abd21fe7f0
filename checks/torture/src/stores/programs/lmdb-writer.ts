// A process that uses the folder beside the one under test: calls of the store, done for the campaign.
import { lmdbStore } from '@holdfast/lmdb';
import { serve } from './serve.js';

const [path = '', sync = 'always', quotaBytes = ''] = process.argv.slice(2);
const store = lmdbStore({ path, sync: sync as 'always' | 'batched', quotaBytes: Number(quotaBytes), pollMs: 200 });

serve((method, args) =>
  (store as unknown as Record<string, (...given: readonly unknown[]) => unknown>)[method]?.(...args),
);
