import type { Mutant } from '../mutant.js';

const FOLLOWER = 'packages/adapter-kit/src/follow/follower.ts';
const FOLLOWING = 'packages/adapter-kit/test/follow-changes.test.ts';
const CONFORMANCE = 'packages/adapter-kit/test/conformance.test.ts';

/** What adapters share that are built on the kit. */
export const adapterKit: readonly Mutant[] = [
  {
    name: 'kit-outage-is-not-told',
    why: 'a watch whose backend is away goes on saying live, and so does a mirror on it',
    file: FOLLOWER,
    find: '      this.#sink.interrupted(error);\n',
    replace: '',
    caughtBy: { test: FOLLOWING, name: 'says that the backend is away, and goes on where it was' },
  },
  {
    name: 'kit-pushes-after-full',
    why: 'a consumer that is behind gets all of a backlog, whatever its budget',
    file: FOLLOWER,
    find: '      if (this.#full || this.#isClosed) return;\n',
    replace: '',
    caughtBy: { test: CONFORMANCE, name: 'C11.late-reader-gets-all' },
  },
  {
    name: 'kit-compaction-is-a-gap',
    trap: 6,
    why: 'a watch that resumes from before a bounded history goes on with what is left',
    file: FOLLOWER,
    find: '  if (from.revision >= compacted) return undefined;',
    replace: '  if (compacted >= 0) return undefined;',
    caughtBy: { test: FOLLOWING, name: 'from before a bounded history is compacted, with the revisions' },
  },
  {
    name: 'kit-another-history-is-followed',
    trap: 7,
    why: 'a bookmark of another history is taken for one of this',
    file: FOLLOWER,
    find: '  if (identity !== from.identity) {',
    replace: '  if (identity === undefined) {',
    caughtBy: { test: CONFORMANCE, name: 'C13.foreign-bookmark' },
  },
  {
    name: 'kit-doorbell-is-tried-once',
    why: 'a doorbell that fails once, as while its server restarts, never wakes the watches that are open',
    file: FOLLOWER,
    find: '    if (!this.#isClosed) this.#options.bell.again();\n',
    replace: '',
    caughtBy: {
      test: FOLLOWING,
      name: 'listens to a doorbell that failed at first, before the next look, and is rung by it',
    },
  },
  {
    name: 'kit-hanging-doorbell-is-awaited',
    why: 'a watch that is closed while its doorbell connects, and with it the store, waits for a server that does not answer',
    file: 'packages/adapter-kit/src/follow/bell.ts',
    find: '    if (listening.hasBegun) await stopped;',
    replace: '    await stopped;',
    caughtBy: { test: FOLLOWING, name: 'waits for no doorbell that does not begin when it is closed' },
  },
  {
    name: 'kit-late-doorbell-rings-on',
    why: 'a doorbell that begins after its last watch was closed is listened to for ever',
    file: 'packages/adapter-kit/src/follow/bell.ts',
    find: 'listening.begun.then((stop) => stop())',
    replace: 'listening.begun.then(() => undefined)',
    caughtBy: { test: FOLLOWING, name: 'waits for no doorbell that does not begin when it is closed' },
  },
  {
    name: 'kit-leases-keep-the-process',
    why: 'a process that has closed its store lives on until its last lease expires',
    file: 'packages/adapter-kit/src/leases/lease-table.ts',
    find: 'this.#clock = backgroundClock(checkClock(options.clock));',
    replace: 'this.#clock = checkClock(options.clock);',
    caughtBy: {
      test: 'packages/adapter-kit/test/bounded-history.test.ts',
      name: 'leases do not keep the process alive',
    },
  },
  {
    name: 'kit-push-while-interrupted',
    why: 'a driver that goes on after an outage without saying from where passes the strict driver',
    file: 'packages/adapter-kit/src/strict/strict-driver.ts',
    find: '        this.#established = false;\n',
    replace: '',
    caughtBy: {
      test: 'packages/adapter-kit/test/strict-driver.test.ts',
      name: 'a push after interrupted, before it is established again',
    },
  },
];
