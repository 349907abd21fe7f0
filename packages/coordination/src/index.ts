export type { Leader } from './elections/leader.js';
export type { Leadership } from './elections/leadership.js';
export { observeLeader, type ObserveOptions } from './elections/observe-leader.js';
export type { Held, Token } from './locks/held.js';
export { openSession, type SessionOptions } from './open-session.js';
export type { Session } from './session.js';
export type { SessionClock } from './util/elapsed.js';
export { transact, type Transacted, type TransactOptions } from './transactions/transact.js';
export type { Transaction, TransactionEntry, TransactionList } from './transactions/transaction.js';
