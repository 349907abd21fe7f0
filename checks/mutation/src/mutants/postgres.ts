import type { Mutant } from '../mutant.js';

// cspell:ignore nowait

const QUEUE = 'packages/postgres/src/writes/write-queue.ts';
const SHARED = 'packages/postgres/test/shared-transactions.test.ts';
const PUT = 'packages/postgres/src/sql/put-function.ts';
const QUICK = 'packages/postgres/src/writes/quick-put.ts';
const PUTS = 'packages/postgres/test/puts.test.ts';
const HISTORY = 'packages/postgres/test/history-change.test.ts';
const CONNECTIONS = 'packages/postgres/test/connections.test.ts';

/** The store in a PostgreSQL database. */
export const postgres: readonly Mutant[] = [
  {
    name: 'postgres-role-decides-isolation',
    why: 'where the default isolation is REPEATABLE READ, a snapshot from before the lock hides the last writes, and revisions are given twice',
    file: 'packages/postgres/src/schema/begin.ts',
    find: '  return `BEGIN ISOLATION LEVEL READ COMMITTED;',
    replace: '  return `BEGIN;',
    caughtBy: {
      test: 'packages/postgres/test/defaults.test.ts',
      name: 'the role repeatable: two processes write at once',
    },
  },
  {
    name: 'postgres-renewal-loses',
    why: 'a lease that was renewed in the moment it expired ends, although its owner was told that it is kept',
    file: QUEUE,
    find: ' ORDER BY expires_at, id FOR UPDATE`',
    replace: ' ORDER BY expires_at, id`',
    caughtBy: { test: SHARED, name: 'a renewal that is under way when its lease expires counts' },
  },
  {
    name: 'postgres-grant-is-rolled-back',
    why: 'a transaction that changed only leases is rolled back, and its callers are told that it was done',
    file: 'packages/postgres/src/writes/write-transaction.ts',
    find: 'return this.#isEmpty && !this.#isChanged;',
    replace: 'return !this.hasRevisions && this.#statements.length === 0;',
    caughtBy: { test: SHARED, name: 'beside a call that read a range and changed nothing' },
  },
  {
    name: 'postgres-commit-was-lost-for-sure',
    why: 'a write whose commit nobody answered is called not applied, and its caller writes it twice',
    file: QUEUE,
    find: "wrote ? 'unknown' : 'not-applied'",
    replace: "wrote ? 'not-applied' : 'not-applied'",
    caughtBy: { test: SHARED, name: 'leaves a grant unknown, and a revocation' },
  },
  {
    name: 'postgres-standby-is-kept',
    why: 'of several hosts a standby is taken for the primary, and refuses every call as long as it runs',
    file: 'packages/postgres/src/connection/connections.ts',
    find: "if (rows?.[0]?.[0] !== 'f') return false;",
    replace: "if (rows?.[0]?.[0] === '') return false;",
    caughtBy: { test: CONNECTIONS, name: 'of several hosts the primary is used' },
  },
  {
    name: 'postgres-close-waits',
    why: 'close() waits for a server that does not answer',
    file: 'packages/postgres/src/connection/connections.ts',
    find: 'interrupted(this.#settings.clock, [signal, this.#closing.signal], ms',
    replace: 'interrupted(this.#settings.clock, [signal], ms',
    caughtBy: { test: CONNECTIONS, name: 'waits for no server that does not answer' },
  },
  {
    name: 'postgres-half-open-listener',
    why: 'a connection that listens and is half-open is trusted: each change of another process comes pollMs late, for as long as the store is open',
    file: 'packages/postgres/src/follow/listener.ts',
    find: '      this.#probe?.();',
    replace: '',
    caughtBy: { test: 'packages/postgres/test/rows.test.ts', name: 'half-open connections' },
  },
  {
    name: 'postgres-transaction-timeout-runs-on',
    why: 'a role with a transaction_timeout loses its writes whenever others hold the lock for longer',
    file: 'packages/postgres/src/schema/begin.ts',
    find: "set_config('transaction_timeout', '0', true) || ",
    replace: '',
    caughtBy: { test: 'packages/postgres/test/time-limits.test.ts', name: 'on PostgreSQL 18' },
  },
  {
    name: 'postgres-listener-is-sent-away',
    why: 'a role with an idle_session_timeout loses its notifications again and again',
    file: 'packages/postgres/src/follow/listener.ts',
    find: "set_config('idle_session_timeout', '0', false)",
    replace: '1',
    caughtBy: { test: 'packages/postgres/test/time-limits.test.ts', name: 'save the one that listens' },
  },
  {
    name: 'postgres-commit-waits',
    why: 'a put that commits in its own request waits for others: its caller gives up, and it is made afterwards',
    file: PUT,
    find: 'IN EXCLUSIVE MODE NOWAIT;',
    replace: 'IN EXCLUSIVE MODE;',
    caughtBy: { test: PUTS, name: 'a caller who gives up knows that it was not made' },
  },
  {
    name: 'postgres-put-of-who-has-given-up',
    why: 'of puts that share a transaction, one is made whose caller was told that it was not',
    file: QUICK,
    find: '!isRevision(said) || live.some(({ isOver }) => isOver)',
    replace: '!isRevision(said)',
    caughtBy: { test: PUTS, name: 'a caller who gives up knows that it was not made' },
  },
  {
    name: 'postgres-idle-connection-commits',
    why: 'a put goes with its commit to a connection that may have died while it was idle, and nobody knows whether it was made',
    file: QUICK,
    find: ' || !session.isFresh',
    replace: '',
    caughtBy: { test: PUTS, name: 'if it is dead, it is certain that nothing was put' },
  },
  {
    name: 'postgres-quick-commit-is-not-flushed',
    why: 'a put of a role with synchronous_commit = off is acknowledged before it is on the disk',
    file: PUT,
    find: "set_config('synchronous_commit', 'on', true)",
    replace: "set_config('synchronous_commit', 'off', true)",
    caughtBy: { test: PUTS, name: 'what ends or weakens a commit is set for it' },
  },
  {
    name: 'postgres-old-tables-stay-slow',
    why: 'tables that an older version has made never get the function that puts',
    file: 'packages/postgres/src/schema/migrate.ts',
    find: 'found?.hasFunction === false && found.mayMakeFunction',
    replace: 'found?.hasFunction === undefined',
    caughtBy: { test: PUTS, name: 'get the function, and keep what they hold' },
  },
  {
    name: 'postgres-restored-tables-are-a-bug',
    why: 'tables that have no rows yet, since they are being restored, fail a call as `internal`, and an application gives up',
    file: 'packages/postgres/src/sql/meta.ts',
    find: 'if (row === undefined) throw emptyTables();',
    replace: '',
    caughtBy: { test: HISTORY, name: 'tables that are being restored, and have no rows yet, are an outage' },
  },
  {
    name: 'postgres-put-into-restored-tables-is-a-bug',
    why: 'the same of a put that commits in its own request',
    file: 'packages/postgres/src/errors.ts',
    find: "  P0002: { code: 'unavailable', advice: EMPTY },\n",
    replace: '',
    caughtBy: { test: HISTORY, name: 'tables that are being restored, and have no rows yet, are an outage' },
  },
];
