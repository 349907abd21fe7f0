import type { Mutant } from '../mutant.js';

const COMPACTION = 'packages/lmdb/src/history/compaction.ts';
const ADOPT = 'packages/lmdb/src/engine/adopt.ts';
const WRITER = 'packages/lmdb/src/writes/writer.ts';
const MACHINE = 'packages/lmdb/test/machine.test.ts';
const UPKEEP = 'packages/lmdb/test/upkeep.test.ts';
const SHARING = 'packages/lmdb/test/sharing.test.ts';
const GROUPS = 'packages/lmdb/test/group-commit.test.ts';

/** The embedded store that keeps its data. */
export const lmdb: readonly Mutant[] = [
  {
    name: 'lmdb-acknowledges-before-the-flush',
    why: 'where another store of the process is batched, a write is acknowledged that a power cut undoes',
    file: WRITER,
    find: 'await this.#flush(tables);\n      checkThere',
    replace: 'void this.#flush(tables);\n      checkThere',
    caughtBy: { test: SHARING, name: 'is acknowledged after its flush' },
  },
  {
    name: 'lmdb-doorbell-only',
    why: 'a watch sleeps on after a writer that died between its commit and the ring',
    file: 'packages/lmdb/src/lmdb-driver.ts',
    find: '      pollMs,\n      progressMs,\n      clock,\n    });',
    replace: '      pollMs: pollMs * 10_000,\n      progressMs,\n      clock,\n    });',
    caughtBy: { test: MACHINE, name: 'a writer that dies between its commit and the ring is seen within pollMs' },
  },
  {
    name: 'lmdb-gives-lost-revisions-again',
    trap: 7,
    why: 'after a power cut, a revision that a mirror has seen is given to another write',
    file: ADOPT,
    find: '      if (!state.clean) raise(state);\n',
    replace: '',
    caughtBy: { test: MACHINE, name: 'a store that was not is another history, further on' },
  },
  {
    name: 'lmdb-leases-run-while-the-machine-is-down',
    why: 'after a start of the machine, leases end that nobody could renew',
    file: ADOPT,
    find: '      renewAllLeases(tables, machine.uptimeMs());\n',
    replace: '',
    caughtBy: { test: UPKEEP, name: 'a lease has its full time again, however much of it was over' },
  },
  {
    name: 'lmdb-watch-skips-a-revision',
    why: 'a watch that looks loses the first revision after its bookmark',
    file: 'packages/lmdb/src/history/changes.ts',
    find: 'changeKey(after + 1, 0)',
    replace: 'changeKey(after + 2, 0)',
    caughtBy: { test: UPKEEP, name: 'nothing that can still be read or watched' },
  },
  {
    name: 'lmdb-frees-a-live-revision',
    why: 'a compaction frees the first change that a watch may still ask for',
    file: COMPACTION,
    find: '    if (revision > upTo) break;',
    replace: '    if (revision > upTo + 1) break;',
    caughtBy: { test: UPKEEP, name: 'nothing that can still be read or watched' },
  },
  {
    name: 'lmdb-counts-lost-revisions',
    why: 'after a power cut, the history that the disk has is compacted within a second',
    file: COMPACTION,
    find: 'return since >= revisions ? head - revisions : after - (revisions - since);',
    replace: 'return since + after < 0 ? after : head - revisions;',
    caughtBy: { test: UPKEEP, name: 'always: a store that was not closed keeps its history' },
  },
  {
    name: 'lmdb-puts-its-timer-off',
    why: 'with a write in each second, nothing is ever compacted, and the store fills up',
    file: 'packages/lmdb/src/engine/engine.ts',
    find: '    if (this.#timer !== undefined && this.#timerAtMs <= atMs) return;\n',
    replace: '',
    caughtBy: { test: UPKEEP, name: 'is compacted although writes come all the time' },
  },
  {
    name: 'lmdb-refused-and-applied',
    why: 'a write that had no turn in a long transaction is told of its failure, and applied in the next one',
    file: WRITER,
    find: 'group.splice(i)',
    replace: 'group.slice(i)',
    caughtBy: { test: GROUPS, name: 'is not told of its failure, and is applied once' },
  },
  {
    name: 'lmdb-one-full-write-fails-all',
    why: 'a write that the disk has no room for fails those that wait with it, deletes too',
    file: WRITER,
    find: '      else if (group.length > 1 && isFull(thrown)) await this.#runAlone(group);\n',
    replace: '',
    caughtBy: { test: GROUPS, name: 'one that is too large fails alone' },
  },
  {
    name: 'lmdb-unwritten-pages-are-damage',
    why: 'a sound file whose last pages were taken and given back in one commit is refused as damaged',
    file: 'packages/lmdb/src/database/tables.ts',
    find: '  if (known === undefined || size < known)',
    replace: '  if (known === undefined || size < least)',
    caughtBy: { test: UPKEEP, name: 'a file that ends before its last page is no damage' },
  },
  {
    name: 'lmdb-hidden-commit-is-replaced',
    why: 'a commit that another process hid as it opened the file is replaced by the next one, and what it acknowledged is lost',
    file: 'packages/lmdb/src/database/database.ts',
    find: 'return newestCommit(this.path) >= own;',
    replace: 'return newestCommit(this.path) > own;',
    caughtBy: {
      test: 'packages/lmdb/test/opened-in-a-commit.test.ts',
      name: 'a commit that another process has hidden as it opened the file is not lost',
    },
  },
];
