/** How long the store's lock is waited for, and how long a session may hold it without doing anything, in milliseconds. */
const LOCK_MS = 30_000;
const IDLE_MS = 10_000;

/**
 * Begins a transaction that writes, whatever the role's defaults are. READ COMMITTED: each statement sees what was committed before it began,
 * so that those after the lock see all that its last holder did. Nothing that is set outlives the transaction, which a pooler would hand on.
 */
export function beginWrite(): string {
  // PostgreSQL 17 is the first with a transaction_timeout. The time of one that runs already is changed only where it is switched off first.
  return `BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL statement_timeout = ${2 * LOCK_MS};
SELECT set_config('lock_timeout', '${LOCK_MS}', true), set_config('idle_in_transaction_session_timeout', '${IDLE_MS}', true),
  CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END,
  CASE WHEN current_setting('transaction_timeout', true) IS NOT NULL THEN set_config('transaction_timeout', '0', true) || set_config('transaction_timeout', '${4 * LOCK_MS}', true) END;`;
}
