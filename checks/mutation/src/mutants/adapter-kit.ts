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
];
