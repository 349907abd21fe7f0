import type { Mutant } from '../mutant.js';

const LIFETIME = 'packages/coordination/src/life/lifetime.ts';
const RENEWAL = 'packages/coordination/src/life/renewal.ts';
const ENTER = 'packages/coordination/src/queue/enter.ts';
const LOCKS_TEST = 'packages/coordination/test/locks.test.ts';
const SESSIONS_TEST = 'packages/coordination/test/sessions.test.ts';

/** What locks of today's clients get wrong. */
export const coordination: readonly Mutant[] = [
  {
    name: 'session-counts-on-the-whole-lease',
    why: 'a holder is told when its lease has run out: by then the server may have given the lock away',
    file: LIFETIME,
    find: 'const USABLE = 2 / 3;',
    replace: 'const USABLE = 1;',
    caughtBy: {
      test: SESSIONS_TEST,
      name: 'at two thirds of its ttl after the last confirmed renewal was sent',
    },
  },
  {
    name: 'renewal-counts-from-its-answer',
    why: 'the time of a lease is counted from the answer, which may come long after the server renewed it',
    file: RENEWAL,
    find: '      life.renewed(sentAt, ttl);',
    replace: '      life.renewed(elapsed.now(), ttl);',
    caughtBy: { test: SESSIONS_TEST, name: 'by when a renewal was sent, and not by when it was answered' },
  },
  {
    name: 'session-lost-by-timer-only',
    why: 'a process that was suspended finds its lost lock alive, until a timer fires',
    file: LIFETIME,
    find: "    if (this.#state.status === 'over' || this.#leftMs() > 0) return;\n",
    replace: "    if (this.#state.status === 'over' || this.#leftMs() > 0 || this.#timer === 0) return;\n",
    caughtBy: { test: SESSIONS_TEST, name: 'is noticed by check and the getters before any timer fires' },
  },
  {
    name: 'sleep-of-the-machine-not-counted',
    why: 'the monotonic clock stands still while the machine sleeps, and the lease does not',
    file: 'packages/coordination/src/util/elapsed.ts',
    find: '    return Math.max(monotonic, now.uptimeMs',
    replace: '    return Math.min(monotonic, now.uptimeMs',
    caughtBy: { test: SESSIONS_TEST, name: 'by the time that the machine slept, too' },
  },
  {
    name: 'renewal-that-hangs',
    why: 'a renewal on a half-open connection holds up the next ones, and the session is lost although the server is well',
    file: RENEWAL,
    find: 'withDeadline({ clock, ms: partMs, signal, late }',
    replace: 'withDeadline({ clock, ms: partMs * 4, signal, late }',
    caughtBy: { test: SESSIONS_TEST, name: 'although renewals that hang are made again meanwhile' },
  },
  {
    name: 'attempt-without-mark',
    why: 'a write whose answer was lost lands after the attempt was given up, and blocks the queue as long as the session lives',
    file: ENTER,
    find: '        if: [absent(ticket.mark), absent(ticket.key), ',
    replace: '        if: [absent(ticket.key), ',
    caughtBy: { test: SESSIONS_TEST, name: 'that lands late writes nothing: the queue is not blocked' },
  },
  {
    name: 'abort-leaves-the-key',
    why: 'a wait that was aborted leaves its key in the queue, as a candidate that never answers',
    file: 'packages/coordination/src/queue/acquire.ts',
    find: '      await tidied(context, leave(context, place));\n',
    replace: '',
    caughtBy: { test: LOCKS_TEST, name: 'that is aborted leaves nothing behind, and the next one is served' },
  },
  {
    name: 'unguarded-release',
    why: 'a holder whose lock was lost deletes the key of the next one',
    file: 'packages/coordination/src/queue/leave.ts',
    find: '{ if: [isOurs(place)], then:',
    replace: '{ then:',
    caughtBy: { test: LOCKS_TEST, name: 'never removes another holder’s key' },
  },
  {
    name: 'failed-release-forgotten',
    why: 'a release that failed is not made again, and the lock stays taken as long as the session lives',
    file: 'packages/coordination/src/queue/leave.ts',
    find: 'await context.insist((signal) => {',
    replace: 'await context.call((signal) => {',
    caughtBy: { test: LOCKS_TEST, name: 'goes on after its first answer was lost' },
  },
  {
    name: 'waiters-in-a-herd',
    why: 'each waiter watches the whole queue, so that every change wakes all of them',
    file: 'packages/coordination/src/queue/queue.ts',
    find: 'places[index - 1]',
    replace: 'index === 0 ? undefined : places[0]',
    caughtBy: { test: LOCKS_TEST, name: 'a release wakes the next one alone' },
  },
  {
    name: 'own-key-not-watched',
    why: 'a holder whose key was deleted goes on, beside the next holder',
    file: 'packages/coordination/src/locks/held-lock.ts',
    find: '    void this.#watchKey();\n',
    replace: '',
    caughtBy: { test: SESSIONS_TEST, name: 'where its own key is deleted' },
  },
  {
    name: 'names-below-taken-for-holders',
    why: 'a lock with a name below another keeps everybody from the other',
    file: 'packages/coordination/src/names.ts',
    find: '.filter(({ key }) => FORM.test(key.slice(length)))',
    replace: '.filter(({ key }) => key.length > length)',
    caughtBy: { test: LOCKS_TEST, name: 'is not confused with locks of names below it' },
  },
  {
    name: 'wait-outlives-its-session',
    why: 'a waiter whose session was lost waits on, and holds a lock that it does not have',
    file: 'packages/coordination/src/locks/lock.ts',
    find: ', life: life.signal };',
    replace: ' };',
    caughtBy: { test: LOCKS_TEST, name: 'does not outlive its session: no phantom holder' },
  },
  {
    name: 'another-history-not-noticed',
    why: 'a session goes on in a restored store, where its tokens may have been given out before',
    file: 'packages/coordination/src/life/context.ts',
    find: 'written.identity !== known.identity || ',
    replace: '',
    caughtBy: { test: SESSIONS_TEST, name: 'a write in another history than an earlier one loses the session' },
  },
];
