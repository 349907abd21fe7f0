import type { ConflictPolicy } from '@holdfast/core/replicate';
import type { NetFault } from '../plans/plan.js';

/** What a store can do: everything, or as little as etcd v2. */
export type Backend = 'v3' | 'v2';

export type Side = 'source' | 'target';

/** Everything that happens in a world of replicators, as plain data. Times are in milliseconds. */
export interface ReplicationPlan {
  /** Of the network's delays and of all jitter. */
  readonly seed: number;
  readonly source: Backend;
  readonly target: Backend;
  /** How many operations a transaction of the target may have. */
  readonly mostOperations: number;
  readonly policy: ConflictPolicy;
  /** Whether keys are renamed, left out, and handed over from one to another. */
  readonly isMapped: boolean;
  /** Whether replicators follow the source into another history. */
  readonly acceptsHistory: boolean;
  /** Processes that may run a replicator. */
  readonly hosts: number;
  readonly steps: readonly ReplicationStep[];
}

/** A write in the source. Every value is new. */
export type SourceWrite =
  | { readonly kind: 'put'; readonly key: string }
  /**
   * A key that lives as long as a lease of so many seconds. `kept`: its application keeps it alive; `shared`: the lease is the one that was kept
   * last, while that lives.
   */
  | {
      readonly kind: 'leased';
      readonly key: string;
      readonly ttl: number;
      readonly kept: boolean;
      readonly shared: boolean;
    }
  | { readonly kind: 'delete'; readonly key: string }
  /** Puts and deletes that must be seen together. */
  | { readonly kind: 'txn'; readonly puts: readonly string[]; readonly deletes: readonly string[] }
  /** One of two keys is deleted, and the other one written, in one transaction. */
  | { readonly kind: 'hand-over' }
  /** A key that is not UTF-8. */
  | { readonly kind: 'raw'; readonly byte: number };

/** What somebody else does at the target. `equal`: writes what is there already. */
export interface ForeignWrite {
  readonly key: string;
  readonly act: 'put' | 'equal' | 'delete';
}

export type Stop = 'suspended' | 'asleep';

export type ReplicationStep =
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'write'; readonly write: SourceWrite }
  | { readonly do: 'foreign'; readonly write: ForeignWrite }
  /** Starts a replicator, unless the process has one. */
  | { readonly do: 'start'; readonly host: number }
  /** The process dies: at once, or right after so many more messages of its target and turns of the microtask queue. */
  | {
      readonly do: 'kill';
      readonly host: number;
      readonly at?: { readonly messages: number; readonly turns: number };
    }
  /** Its process, or its whole machine, stands still for so long. */
  | { readonly do: 'stop'; readonly host: number; readonly ms: number; readonly how: Stop }
  | { readonly do: 'close'; readonly host: number }
  | { readonly do: 'sync'; readonly host: number }
  | { readonly do: 'jump'; readonly host: number; readonly ms: number }
  | { readonly do: 'net'; readonly host: number; readonly side: Side; readonly fault: NetFault }
  | { readonly do: 'cut-after'; readonly host: number; readonly side: Side; readonly messages: number }
  | {
      readonly do: 'reads';
      readonly host: number;
      readonly side: Side;
      readonly count: number;
      readonly how: 'fail' | 'hang' | 'broken';
    }
  | { readonly do: 'watches'; readonly host: number; readonly how: 'unavailable' | 'internal' }
  /** The next write at the target loses its connection at once, and is applied that much later. */
  | { readonly do: 'late-write'; readonly host: number; readonly ms: number }
  /** Somebody revokes a lease. */
  | { readonly do: 'revoke'; readonly side: Side }
  /** Somebody deletes the record in the target. */
  | { readonly do: 'delete-record' }
  | { readonly do: 'compact'; readonly side: Side; readonly behind: number }
  | { readonly do: 'snapshot' }
  /** The source is put back. `writes`: made to it before anybody connects to it. */
  | {
      readonly do: 'restore';
      readonly from: 'snapshot' | 'nothing';
      readonly identity: 'same' | 'new';
      readonly writes: number;
    };

export const FROM = '/a/';
export const TO = '/b/';
export const NAME = 'sim';
export const RECORD = `/holdfast/replicate/${NAME}`;

/** The source's keys, without its prefix. Those of a lease, and the two that are handed over, are apart. */
export const KEYS: readonly [string, ...string[]] = ['k0', 'k1', 'k2', 'k3', 'd/x', 'd/y', 'tmp/x'];
export const LEASED: readonly [string, ...string[]] = ['l0', 'l1', 'd/l2'];
export const HANDED: readonly [string, string] = ['h.old', 'h.new'];
/** What only the target has. */
export const STRANGERS: readonly [string, ...string[]] = ['x0', 'e/x1'];
