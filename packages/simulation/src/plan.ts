/** Everything that a world does, as plain data: made from a seed, shrunk when it fails, and replayed. Times are in milliseconds. */
export interface Plan {
  /** Of the network's delays and of all jitter. */
  readonly seed: number;
  /** What the backend can do: everything, or as little as etcd v2. */
  readonly backend: 'v3' | 'v2';
  readonly clients: number;
  readonly mirrors: readonly MirrorPlan[];
  /** Plain watches, whose consumers may stop reading. */
  readonly watches: readonly WatchPlan[];
  readonly steps: readonly Step[];
}

export type MirrorKind = 'whole' | 'routes' | 'collections' | 'key';

export interface MirrorPlan {
  readonly client: number;
  readonly kind: MirrorKind;
  readonly decode: 'eager' | 'lazy';
  readonly cacheSize?: number;
  readonly auditEveryMs?: number;
  /** Of a subscription beside the others. */
  readonly debounceMs?: number;
  /** How long the consumer of `changes()` takes for each event. */
  readonly iterateMs?: number;
  readonly listeners: 'well-behaved' | 'throwing';
}

export interface WatchPlan {
  readonly client: number;
  readonly prefix: string;
  readonly only?: 'put' | 'delete';
  readonly bufferBytes?: number;
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
  | 'deny'
  | 'heal';

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
      /** Written before anyone reconnects. */
      readonly writes: readonly Write[];
    }
  | { readonly do: 'jump'; readonly client: number; readonly ms: number }
  | { readonly do: 'lease'; readonly act: 'keep-alive' | 'revoke' }
  | {
      readonly do: 'mirror';
      readonly index: number;
      readonly act: 'sync' | 'wait-for' | 'close' | 'abort' | 'open' | 'abort-sync';
    }
  | { readonly do: 'watch'; readonly index: number; readonly act: 'pause' | 'resume' | 'close' | 'abort' | 'open' };

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
