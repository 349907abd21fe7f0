import type { Mutant } from '../mutant.js';

const core = (file: string): string => `packages/core/src/${file}.ts`;
const TEST = 'packages/core/test/m09-bounded-burst.test.ts';

/** Many mirrors that read everything at once, and a server that has too much to do. */
export const mirrorBursts: readonly Mutant[] = [
  {
    name: 'mirror-reads-on-while-busy',
    promise: 'M9',
    why: 'a mirror whose first page was late asks for the others at once: those that start together overload their server',
    file: core('reads/considerate-read'),
    find: '    await awaitQuick(',
    replace: '    if (share < 0) await awaitQuick(',
    caughtBy: { test: TEST, name: 'mirrors of many processes that start at once' },
  },
  {
    name: 'mirror-loads-of-a-store-at-once',
    promise: 'M9',
    why: 'all mirrors of a store read everything at the same time',
    file: core('runtime/full-loads'),
    find: 'new Turns(MOST_AT_ONCE)',
    replace: 'new Turns(MOST_AT_ONCE * 100)',
    caughtBy: { test: TEST, name: 'mirrors of one store read a few at a time' },
  },
  {
    name: 'mirror-repeats-a-late-load-at-once',
    promise: 'M9',
    why: 'a load that timed out is repeated after the usual back-off, while the server is still at work for the first one',
    file: core('life/run-loop'),
    find: 'await this.#pause(late.pauseAfter(cause, passed()));',
    replace: 'await this.#pause();',
    caughtBy: { test: TEST, name: 'a load that timed out is not repeated at once' },
  },
  {
    name: 'mirror-repeats-all-while-exhausted',
    promise: 'M9',
    why: 'a server that had too much to do is asked for everything again, and not for the head first',
    file: core('life/run-loop'),
    find: '        if (isOverloaded) await awaitQuick(',
    replace: '        if (isOverloaded && cannotHeal === undefined) await awaitQuick(',
    caughtBy: { test: TEST, name: 'a server that has too much to do' },
  },
  {
    name: 'mirror-waits-past-its-start',
    promise: 'M9',
    why: 'a mirror waits for a busy server until startTimeoutMs is over, and does not start',
    file: core('runtime/runtime'),
    find: 'clock.now() + settings.startTimeoutMs / 2;',
    replace: 'clock.now() + settings.startTimeoutMs;',
    caughtBy: { test: TEST, name: 'it loads before startTimeoutMs all the same' },
  },
  {
    name: 'mirror-reads-all-keys-and-then-everything',
    promise: 'M9',
    why: 'a resync reads all keys although it has seen that most of them are changed, and then everything',
    file: core('reads/sparing-resync'),
    find: '    return follows && isWorthIt;',
    replace: '    return follows;',
    caughtBy: { test: TEST, name: 'a resync that finds much changed among the first keys' },
  },
];
