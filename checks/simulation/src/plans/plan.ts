/** Everything that a world does, as plain data: made from a seed, shrunk when it fails, and replayed. Times are in milliseconds. */
export interface Plan {
  /** Of the network's delays and of all jitter. */
  readonly seed: number;
  /** What the backend can do: everything, or as little as etcd v2. */
  readonly backend: 'v3' | 'v2';
  readonly clients: number;
  /** Servers of the cluster; one where that is left out. Each may lag behind. */
  readonly members?: number;
  /** How the members are reached. Where that is left out, every call goes to any member, and nobody asks who it is. */
  readonly access?: Access;
  /** How often all history is compacted, all the time. Then servers also give less of a list at a time than was asked for. */
  readonly compactEveryMs?: number;
  readonly mirrors: readonly MirrorPlan[];
  /** Plain watches, whose consumers may stop reading. */
  readonly watches: readonly WatchPlan[];
  readonly steps: readonly Step[];
}

/** By an endpoint for each member; or by one name, behind which a balancer gives each new connection to another member. */
export type Access = 'members' | 'balancer';

/** Who answers in a member's place: `foreign` is a member that was bootstrapped anew, as a cluster of its own. */
export type Answerer = 'member' | 'foreign' | 'nobody';

export type MirrorKind = 'whole' | 'routes' | 'collections' | 'key';

export interface MirrorPlan {
  readonly client: number;
  readonly kind: MirrorKind;
  readonly decode: 'eager' | 'lazy';
  readonly cacheSize?: number;
  readonly auditEveryMs?: number;
  /** 0: whatever its size, it spares values when it resyncs after a compaction. */
  readonly fullResyncKeys?: number;
  /** 0: whatever it has missed, it reads what came of that and has nothing replayed. */
  readonly replayRevisions?: number;
  /** Of a subscription beside the others. */
  readonly debounceMs?: number;
  /** How long the consumer of `changes()` takes for each event. */
  readonly iterateMs?: number;
  readonly listeners: 'well-behaved' | 'throwing';
  readonly snapshot?: SnapshotPlan;
}

/** Where a mirror keeps its last known good copy. */
export interface SnapshotPlan {
  readonly place: 'file' | 'copies';
  /** Of the mirror's options; `save`: how old the file may be, or how often a copy is saved. */
  readonly afterMs: number;
  readonly saveMs: number;
}

export interface WatchPlan {
  readonly client: number;
  readonly prefix: string;
  readonly only?: 'put' | 'delete';
  readonly bufferBytes?: number;
  /** Whether it goes on, when it is opened again, from what its consumer got. */
  readonly resumes?: boolean;
}

export type Write =
  | {
      readonly kind: 'put';
      readonly key: string;
      readonly value: 'good' | 'unreadable' | 'invalid';
      readonly ttl?: number;
    }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'delete-prefix'; readonly prefix: string }
  /** A group of puts and deletes that must be seen together. */
  | { readonly kind: 'txn'; readonly puts: readonly string[]; readonly deletes: readonly string[] }
  | { readonly kind: 'guarded'; readonly key: string; readonly guard: 'absent' | 'present' }
  /** A key that is not UTF-8. */
  | { readonly kind: 'raw'; readonly byte: number };

export type NetFault =
  /** Connections are reset, and refused until `heal`. */
  | 'cut'
  /** Connections are reset, once. */
  | 'reset'
  /** Nothing arrives, and nobody is told until the keepalive notices. */
  | 'silence'
  /** Only what watches tell is held back, without anyone noticing, until `heal`. */
  | 'stall'
  /** Answers are lost, not requests. */
  | 'lose-answers'
  | 'slow'
  /** Permission is revoked. What is asked from now on is refused; on etcd v3 a watch that there is goes on. */
  | 'deny'
  /** The token expires. Nobody notices before something is asked with it, or a connection made. */
  | 'expire'
  /** The same, and no other token is to be had. */
  | 'lock-out'
  /** Permission is granted again, and tokens are to be had. */
  | 'grant'
  /** A proxy in between answers new requests by itself, with what means nothing of the store, until `proxy-passes`. */
  | 'proxy-answers'
  | 'proxy-passes'
  | 'heal';

export type MirrorAct =
  | 'sync'
  | 'wait-for'
  | 'close'
  | 'abort'
  | 'open'
  | 'abort-sync'
  /** By its own listener, the next time that it is told of a change. */
  | 'close-in-listener';

/** How a process ends: alone, or with its machine. */
export type Death = 'killed' | 'power-failure';

export type WatchAct = 'pause' | 'resume' | 'close' | 'abort' | 'open';

/** What can happen between any two turns of the event loop. */
export type Sudden =
  | { readonly do: 'compact'; readonly behind: number }
  | { readonly do: 'net'; readonly client: number; readonly fault: 'reset' | 'stall' | 'silence' | 'expire' }
  | { readonly do: 'mirror'; readonly index: number; readonly act: MirrorAct }
  | { readonly do: 'watch'; readonly index: number; readonly act: WatchAct }
  | { readonly do: 'die'; readonly client: number; readonly how: Death; readonly downMs: number };

export type Step =
  | { readonly do: 'wait'; readonly ms: number }
  /** `client` undefined: by a neighbour that no fault touches. */
  | { readonly do: 'write'; readonly client: number | undefined; readonly write: Write }
  | { readonly do: 'net'; readonly client: number; readonly fault: NetFault }
  /** Cuts right after so many more messages. */
  | { readonly do: 'cut-after'; readonly client: number; readonly messages: number }
  | { readonly do: 'reads'; readonly client: number; readonly count: number; readonly how: 'fail' | 'hang' | 'broken' }
  | { readonly do: 'watches'; readonly client: number; readonly how: 'unavailable' | 'internal' | 'denied' }
  | { readonly do: 'compact'; readonly behind: number }
  | { readonly do: 'snapshot' }
  | {
      readonly do: 'restore';
      /** What is put in place: the last snapshot, or nothing. */
      readonly from: 'snapshot' | 'nothing';
      readonly identity: 'same' | 'new';
      /** `kept`: connections seem to stay up for a while, as those through a proxy may, but bring nothing more. */
      readonly connections?: 'kept';
      /** Written before anyone reconnects. */
      readonly writes: readonly Write[];
    }
  | { readonly do: 'jump'; readonly client: number; readonly ms: number }
  | { readonly do: 'lease'; readonly act: 'keep-alive' | 'revoke' }
  | { readonly do: 'mirror'; readonly index: number; readonly act: MirrorAct }
  | { readonly do: 'watch'; readonly index: number; readonly act: WatchAct }
  /** A process dies, and is started again after some time. */
  | { readonly do: 'die'; readonly client: number; readonly how: Death; readonly downMs: number }
  /** The disk of a mirror's snapshot. */
  | { readonly do: 'disk'; readonly index: number; readonly mood: 'works' | 'slow' | 'full' | 'read-only' }
  /** A read by the application, through a client. */
  | {
      readonly do: 'read';
      readonly client: number;
      readonly key: string;
      readonly how: 'get' | 'list' | 'serializable';
    }
  /** A member of the cluster falls behind, or catches up. Only watches and serializable reads can tell. */
  | { readonly do: 'member'; readonly member: number; readonly act: 'lag' | 'catch-up' }
  /** From now on somebody else answers in a member's place. `writes`: made at the foreign member before it answers. */
  | {
      readonly do: 'place';
      readonly place: number;
      readonly answers: Answerer;
      readonly writes?: readonly Write[];
    }
  /** Right after so many more messages of a client's link, and as many turns of the microtask queue: at any await. */
  | {
      readonly do: 'at';
      readonly client: number;
      readonly messages: number;
      readonly turns: number;
      readonly then: Sudden;
    };

/** How a plan's kinds of mirrors see the keys. */
export const PREFIX = '/app/';
export const LIMITS = '/app/limits';
/** Deleting a prefix spares what sorts from here on, such as the marker of a history. */
export const SPARED = '~';

export const KEYS: readonly string[] = [
  ...['a', 'b', 'c', 'd', 'é', '\u{1F600}'].map((name) => `/app/routes/${name}`),
  ...['a', 'b', 'c'].map((name) => `/app/upstreams/${name}`),
  LIMITS,
  '/app/other/x',
];
