export { checkOperations } from './checkers/operations.js';
export { checkStates } from './checkers/states.js';
export { States, timelineOf, type Step, type Timeline } from './checkers/timeline.js';
export {
  checkEqualViews,
  checkListenerView,
  checkUntorn,
  type Observation,
  type View,
  type ViewChange,
} from './checkers/views.js';
export { describeViolations, type Violation } from './checkers/violation.js';
export {
  checkAtomic,
  checkBookmarkable,
  checkOrdered,
  checkReliable,
  checkResumable,
  checkUnique,
  checkWatches,
} from './checkers/watches.js';
export type { Call, Delivery, History, Moment, Operation, Outcome, WatchRecord } from './history/history.js';
export { recordStore } from './history/record-store.js';
export { recordWatch } from './history/record-watch.js';
export { Recorder } from './history/recorder.js';
export { eventually, type EventuallyOptions } from './clock/eventually.js';
export { virtualClock, type VirtualClock } from './clock/virtual-clock.js';
export type { BackendHooks, ConformanceBackend, Disturbance, Link, OpenOptions } from './conformance/backend.js';
export { whySkipped, type ConformanceCase, type Requirement } from './conformance/case.js';
export { clauses, type ClauseId } from './conformance/clauses.js';
export { ConformanceContext } from './conformance/context.js';
export { ConformanceFailure } from './conformance/expect.js';
export { conformanceCases, conformanceGroups } from './conformance/index.js';
export { conformanceReport, toMarkdown, type ConformanceReport, type ReportedCase } from './conformance/report.js';
export {
  runCase,
  runConformance,
  type CaseFacts,
  type CaseOutcome,
  type CaseReport,
  type RunConformanceOptions,
} from './conformance/run.js';
export { simulateLink, type SimulatedLinkOptions } from './conformance/simulated-link.js';
export { mutants } from './mutants/index.js';
export { clauseOf, mutateBackend, type Mutant } from './mutants/mutant.js';
export { availableEtcds, findEtcd, type EtcdBinary } from './etcd/etcd-binary.js';
export { compareVersions, isAtLeast, isOfVersion, servesV2 } from './etcd/etcd-version.js';
export { EtcdCrashedError, type EtcdMember, type EtcdMemberStatus } from './etcd/etcd-member.js';
export { type Etcd, type NewHistoryOptions } from './etcd/etcd.js';
export type { EtcdTls, StartEtcdOptions } from './etcd/etcd-options.js';
export { startEtcd } from './etcd/start-etcd.js';
export { availablePostgres, findPostgres, type PostgresBinary } from './postgres/postgres-binary.js';
export {
  startPostgres,
  type Postgres,
  type StandbyOptions,
  type StartPostgresOptions,
} from './postgres/start-postgres.js';
export { startBalancer, type Balancer, type BalancerChoice } from './net/balancer.js';
export { type ArmedCut, type CutPredicate, type Direction } from './net/lane.js';
export { certificateAuthority, type Certificate, type CertificateAuthority } from './net/certificates.js';
export { type MemberLinks } from './net/member-links.js';
export { reservePort, type ReservedPort } from './net/ports.js';
export {
  startAnsweringProxy,
  type Answering,
  type AnsweringProxy,
  type MessageChange,
  type ProxiedRequest,
  type ProxyAnswer,
} from './net/answering-proxy.js';
export { grpcAnswer } from './net/grpc-answer.js';
export { grpcFrame } from './net/grpc-messages.js';
export type { NodeBytes } from './net/node-bytes.js';
export { startProxy, type AbandonedConnections, type CutOptions, type Proxy } from './net/proxy.js';
export type { ProxyTarget } from './net/proxy-target.js';
export { Random } from './random.js';
