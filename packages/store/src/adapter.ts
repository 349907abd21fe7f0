// What adapters implement and reuse. Applications need none of it: they import from '@holdfast/store'.
import './globals.js';

export { addAbortListener, allowManyListeners, removeAbortListener, whenAborted } from './abort-listeners.js';
export { noteFailure, onFailure, timeoutAfter } from './attempt-failures.js';
export { Backoff, type BackoffOptions } from './backoff.js';
export { bytesEqual, compareBytes, compareKeys, decodeUtf8, encodeUtf8, toValueBytes } from './bytes.js';
export { beforeSent, checkSignal, notSent, type CallKind, type CallRunner } from './call.js';
export { noteEndpoint } from './call-trace.js';
export {
  CALL_OPTIONS,
  checkClock,
  checkConsistency,
  checkFlag,
  checkMs,
  checkNames,
  checkWhole,
  invalid as invalidArgument,
  type Untrusted,
} from './check-options.js';
export { checkStore } from './check-store.js';
export { checkStorableKey, checkStorableValue } from './check-syntax.js';
export { writesAnything } from './check-txn.js';
export { backgroundClock, monotonicMs, systemClock } from './clock.js';
export { CopyPool, type CopySource } from './copy-pool.js';
export { abortable, withDeadline, withTimeLimit, type Deadline, type DeadlineOptions } from './deadline.js';
export { DelegatingDriver, WatchPump } from './delegate.js';
export { detached } from './detached.js';
export { scanByList } from './derive.js';
export type {
  AnyDriver,
  AssumedHistory,
  DriverCall,
  DriverCompare,
  DriverDeleteOptions,
  DriverGetOptions,
  DriverGuard,
  DriverLeases,
  DriverListOptions,
  DriverOp,
  DriverPutOptions,
  DriverScanOptions,
  DriverTxn,
  DriverWatch,
  DriverWatchOptions,
  ReadingDriver,
  StoreDriver,
  WatchSink,
} from './driver.js';
export { errorToJson, type Json } from './error-json.js';
export { isRefusedLocally, refusedLocally, toStoreError, withOutcome } from './errors.js';
export { EntryPage, type PageFacts } from './entry-page.js';
export { excerpt, quoted } from './excerpt.js';
export { Fifo } from './fifo.js';
export { createStore, GuardedStore, type CreateStoreOptions, type StoreOrigin } from './guarded-store.js';
export { InterceptedDriver, type DriverRequest } from './intercepted-driver.js';
export { safeLogger } from './logger.js';
export { messageOf, textOf } from './message-of.js';
export { ListPage } from './page.js';
export { PatientTimer } from './patient-timer.js';
export { safeRandom } from './random.js';
export { holdDuring, holdProcess, runInBackground } from './process-hold.js';
export { inNextTurn, inThisTurn, nextTurn } from './real-timers.js';
export { KeyRange, keySuccessor, prefixEnd } from './range.js';
export { satisfies } from './satisfies.js';
export { sleep } from './sleep.js';
export { Slicer } from './slicer.js';
export { parseStoreUrl, urlParams } from './store-url.js';
export { handleRejection, isThenable } from './thenable.js';
export type { FullCapabilities } from './undeclared.js';
