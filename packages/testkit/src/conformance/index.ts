import type { ConformanceCase } from './case.js';
import { ambiguityCases } from './cases/ambiguity.js';
import { breakdownCases } from './cases/breakdowns.js';
import { capabilityCases } from './cases/capabilities.js';
import { closedWatchCases } from './cases/closed-watches.js';
import { compactionCases } from './cases/compaction.js';
import { errorCases } from './cases/errors.js';
import { guardRaceCases } from './cases/guard-races.js';
import { guardedDeleteCases } from './cases/guarded-deletes.js';
import { guardCases } from './cases/guards.js';
import { keyCases } from './cases/keys.js';
import { leaseCases } from './cases/leases.js';
import { lifecycleCases } from './cases/lifecycle.js';
import { noHistoryCases } from './cases/history-none.js';
import { limitCases } from './cases/limits.js';
import { listOptionCases } from './cases/list-options.js';
import { outsideCases } from './cases/outside.js';
import { prefixCases } from './cases/prefix.js';
import { randomRangeCases } from './cases/random-ranges.js';
import { rangeCases } from './cases/ranges.js';
import { readOnlyCases } from './cases/read-only.js';
import { readCases } from './cases/reads.js';
import { revisionCases } from './cases/revisions.js';
import { scanCases } from './cases/scan.js';
import { singleKeyTxnCases } from './cases/single-key-txn.js';
import { slowConsumerCases } from './cases/slow-consumers.js';
import { ttlCases } from './cases/ttl.js';
import { txnAtomicityCases } from './cases/txn-atomicity.js';
import { txnCompareCases } from './cases/txn-compares.js';
import { nestedTxnCases } from './cases/txn-nested.js';
import { txnRefusalCases } from './cases/txn-refusals.js';
import { txnCases } from './cases/txn.js';
import { watchEndCases } from './cases/watch-ends.js';
import { watchEventCases } from './cases/watch-events.js';
import { watchHistoryCases } from './cases/watch-history.js';
import { watchOrderCases } from './cases/watch-order.js';
import { watchResumeCases } from './cases/watch-resume.js';
import { watchCases } from './cases/watches.js';
import { writeCases } from './cases/writes.js';

/** The suite, by subject: this list is its table of contents. */
export const conformanceGroups: readonly { readonly subject: string; readonly cases: readonly ConformanceCase[] }[] = [
  { subject: 'keys and values', cases: keyCases },
  { subject: 'ranges', cases: [...rangeCases, ...randomRangeCases] },
  { subject: 'revisions', cases: revisionCases },
  { subject: 'reads', cases: readCases },
  { subject: 'options of lists', cases: listOptionCases },
  { subject: 'compaction', cases: compactionCases },
  { subject: 'scans', cases: scanCases },
  { subject: 'writes', cases: writeCases },
  { subject: 'guarded writes', cases: [...guardCases, ...guardedDeleteCases, ...guardRaceCases] },
  { subject: 'writes whose answer is lost', cases: ambiguityCases },
  { subject: 'leases', cases: leaseCases },
  { subject: 'time to live', cases: ttlCases },
  { subject: 'transactions of one key', cases: singleKeyTxnCases },
  { subject: 'transactions', cases: [...txnCases, ...txnAtomicityCases, ...nestedTxnCases] },
  { subject: 'compares of transactions', cases: txnCompareCases },
  { subject: 'transactions that are refused', cases: txnRefusalCases },
  { subject: 'what a watch tells', cases: [...watchCases, ...watchEventCases, ...watchOrderCases] },
  { subject: 'resuming a watch', cases: watchResumeCases },
  { subject: 'a history that is gone, or another', cases: [...watchHistoryCases, ...noHistoryCases] },
  { subject: 'slow consumers', cases: slowConsumerCases },
  { subject: 'how a watch ends', cases: [...watchEndCases, ...closedWatchCases] },
  { subject: 'a backend that breaks', cases: breakdownCases },
  { subject: 'errors', cases: errorCases },
  { subject: 'capabilities', cases: [...capabilityCases, ...limitCases] },
  { subject: 'writes past the store, and stores that can only be read', cases: outsideCases },
  { subject: 'lifecycle', cases: lifecycleCases },
  { subject: 'views of a prefix', cases: prefixCases },
  { subject: 'read-only views', cases: readOnlyCases },
];

/** Every case, in the order of the table of contents. */
export const conformanceCases: readonly ConformanceCase[] = conformanceGroups.flatMap(({ cases }) => cases);
