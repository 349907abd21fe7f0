export { eventually, type EventuallyOptions } from './clock/eventually.js';
export { virtualClock, type VirtualClock } from './clock/virtual-clock.js';
export { availableEtcds, findEtcd, type EtcdBinary } from './etcd/etcd-binary.js';
export { EtcdCrashedError, type EtcdMember, type EtcdMemberStatus } from './etcd/etcd-member.js';
export { type Etcd, type NewHistoryOptions } from './etcd/etcd.js';
export { startEtcd, type EtcdTls, type StartEtcdOptions } from './etcd/start-etcd.js';
export { type ArmedCut, type CutPredicate, type Direction } from './net/lane.js';
export { reservePort, type ReservedPort } from './net/ports.js';
export { startProxy, type CutOptions, type Proxy, type ProxyTarget } from './net/proxy.js';
