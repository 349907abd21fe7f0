import type { NetFault } from '../plans/plan.js';

/** How somebody asks for the first place of a queue. */
export type Ask = 'lock' | 'try-lock' | 'with-lock' | 'campaign';

/** Everything that happens in a world of coordinators, as plain data. Times are in milliseconds, those to live in seconds. */
export interface CoordinationPlan {
  /** Of the network's delays and of all jitter. */
  readonly seed: number;
  /** The time to live of the sessions of each process. */
  readonly ttls: readonly number[];
  /** Servers of the cluster. */
  readonly members: number;
  readonly observers: readonly { readonly client: number; readonly name: string }[];
  readonly steps: readonly CoordinationStep[];
}

export interface Acquire {
  readonly do: 'acquire';
  readonly client: number;
  readonly name: string;
  readonly how: Ask;
  /** How long it is held. */
  readonly holdMs: number;
  /** How often the holder writes to the resource that the lock protects. */
  readonly paceMs: number;
  /** Whether it asks all the time whether it still holds the lock, or before each write only. */
  readonly isAttentive: boolean;
  /** Whether it proclaims a new value with each write. */
  readonly proclaims?: boolean;
  readonly timeoutMs?: number;
  /** Gives up after so long, or right after so many more messages of its link and turns of the microtask queue. */
  readonly abort?: { readonly ms: number } | { readonly messages: number; readonly turns: number };
}

export type CoordinationStep =
  | { readonly do: 'wait'; readonly ms: number }
  | Acquire
  /** Closes the session of a process; the next call opens another one. */
  | { readonly do: 'close'; readonly client: number }
  /** Moves one from an account to another, in a transaction by function. `held`: only while the process holds a lock. */
  | {
      readonly do: 'transfer';
      readonly client: number;
      readonly from: number;
      readonly to: number;
      readonly held: boolean;
    }
  | { readonly do: 'net'; readonly client: number; readonly fault: NetFault }
  | { readonly do: 'cut-after'; readonly client: number; readonly messages: number }
  | { readonly do: 'reads'; readonly client: number; readonly count: number; readonly how: 'fail' | 'hang' | 'broken' }
  | { readonly do: 'watches'; readonly client: number; readonly how: 'unavailable' | 'internal' | 'denied' }
  /** The next write that carries a lease loses its connection at once, and is applied that much later. */
  | { readonly do: 'late-write'; readonly client: number; readonly ms: number }
  /** Its process, or its whole machine, stands still for so long. */
  | { readonly do: 'stop'; readonly client: number; readonly ms: number; readonly how: 'suspended' | 'asleep' }
  | { readonly do: 'jump'; readonly client: number; readonly ms: number }
  /** Somebody deletes a key of a queue: that of the holder, or the last one. */
  | { readonly do: 'delete-key'; readonly name: string; readonly which: 'first' | 'last' }
  /** Somebody revokes the lease of a process. */
  | { readonly do: 'revoke'; readonly client: number }
  | { readonly do: 'compact'; readonly behind: number }
  | { readonly do: 'snapshot' }
  /** `writes`: made to the restored store before anybody connects to it. */
  | {
      readonly do: 'restore';
      readonly from: 'snapshot' | 'nothing';
      readonly identity: 'same' | 'new';
      readonly writes: number;
    }
  | { readonly do: 'member'; readonly member: number; readonly act: 'lag' | 'catch-up' };

/** The last but one lies below the first: it is another lock. */
export const NAMES = ['/q/import', '/q/leader', '/q/import/sub', '/q/disk'] as const;
export const QUEUES = '/q/';
export const ACCOUNTS = 4;
