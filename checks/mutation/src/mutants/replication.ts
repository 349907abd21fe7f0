import type { Mutant } from '../mutant.js';

const source = (file: string) => `packages/core/src/replicate/${file}.ts`;
const test = (file: string) => `packages/core/test/replicate/${file}.test.ts`;

/** What carries one store over to another. */
export const replication: readonly Mutant[] = [
  {
    name: 'replicate-compares-no-record',
    why: 'a transaction that was late, or a replicator that was suspended, undoes what another one has done since',
    file: source('txn-ledger'),
    find: 'const compares = [this.#continues(known), ',
    replace: 'const compares = [',
    caughtBy: { test: test('once'), name: 'a late transaction changes nothing' },
  },
  {
    name: 'replicate-compares-no-keys',
    why: 'what others wrote in the target is overwritten in silence',
    file: source('txn-ledger'),
    find: ', ...writes.map(({ key, over }) => hasRevision(key, over))];',
    replace: '];',
    caughtBy: { test: test('once'), name: 'stops while following' },
  },
  {
    name: 'replicate-takes-itself-for-another',
    why: 'a sync() beside a transaction reads the record that is being written, and stops the replication as taken over',
    file: source('txn-ledger'),
    find: '    await this.#findOwn();\n  }',
    replace:
      '    const known = this.#require();\n    if ((await this.#findOwn()).revision !== known.revision) throw this.#lost(undefined);\n  }',
    caughtBy: { test: test('once'), name: 'takes its own record for its own beside writes' },
  },
  {
    name: 'replicate-files-no-receipt',
    why: 'after a restart the own keys count as those of others',
    file: source('txn-ledger'),
    find: '    return own.countAt(revision) > replaced ? revision : undefined;',
    replace: '    return own.countAt(revision) > replaced ? undefined : undefined;',
    caughtBy: { test: test('replicate'), name: 'knows its own keys again by the record' },
  },
  {
    name: 'replicate-keeps-every-receipt',
    why: 'the record grows with every change that was ever made',
    file: source('txn-ledger'),
    find: '    const revisions: number[] = [];',
    replace: '    const revisions: number[] = [];\n    if (most > 0) return revisions;',
    caughtBy: { test: test('replicate'), name: 'knows its own keys again by the record' },
  },
  {
    name: 'replicate-deletes-after-a-restore',
    why: 'a source that was wiped while the replicator was down wipes the target',
    file: source('replicator'),
    find: '    if (this.#settings.acceptHistory) return;\n',
    replace: '    if (this.#settings.name.length > 0) return;\n',
    caughtBy: { test: test('history'), name: 'deletes nothing while it was down' },
  },
  {
    name: 'replicate-follows-into-another-history',
    why: 'a source that is restored while it is followed takes keys of the target with it',
    file: source('replicator'),
    find: '          if (!this.#settings.acceptHistory) throw otherHistory(task.from, task.to, this.#settings.prefix);\n',
    replace: '',
    caughtBy: { test: test('history'), name: 'deletes nothing while it follows' },
  },
  {
    name: 'replicate-keeps-no-lease-alive',
    why: 'a leased key that the application renews in the source vanishes from the target',
    file: source('held-leases'),
    find: '    this.#beating ??= this.#beat();\n',
    replace: '',
    caughtBy: { test: test('leases'), name: 'live in the target under a lease of the same id' },
  },
  {
    name: 'replicate-marks-no-intent',
    why: 'without transactions of many keys, a crash behind a write makes the own key one of others',
    file: source('single-ledger'),
    find: '    await this.#mark(key, { sum: sumOf(value), over });\n',
    replace: '    await this.check();\n',
    caughtBy: { test: test('single'), name: 'is left to others where it is theirs' },
  },
  {
    name: 'migrate-cuts-over-again',
    why: 'a cut over that is run again overwrites what applications have written in the target since',
    file: source('migrate'),
    find: "    if (before?.stage === 'cut-over' && before.cutOver !== undefined) return resultOf(before, before.cutOver);\n",
    replace: '',
    caughtBy: { test: test('migrate'), name: 'copies, verifies, cuts over and finishes' },
  },
  {
    name: 'migrate-keeps-full-times',
    why: 'after the cut over, leases that nobody renews live longer than in the source',
    file: source('migrate'),
    find: '    await replicator.settle();\n',
    replace: '',
    caughtBy: { test: test('migrate'), name: 'copies, verifies, cuts over and finishes' },
  },
];
