/**
 * What only a run knows. A plan names it by its place, so that a plan means the same on any server, and when steps are left out:
 *
 * - `revision`: the head, less `back`; in the future where that is negative.
 * - `modRevision`: the revision that last changed the key, or 1 if there is no such key.
 * - `lease`: the lease that the store chose the `nth` id for.
 * - `bookmark`: as `revision`, of this history or of another one.
 * - `aborted`: a signal that has fired.
 */
export type Ref =
  | { readonly $: 'revision'; readonly back: number }
  | { readonly $: 'modRevision'; readonly key: string }
  | { readonly $: 'lease'; readonly nth: number }
  | { readonly $: 'bookmark'; readonly back: number; readonly of: 'this history' | 'another' }
  | { readonly $: 'aborted' };

/** The calls that plans make, by their names in the contract. */
export const METHODS = [
  ...['get', 'list', 'scan', 'put', 'delete', 'txn', 'compact', 'status'],
  ...['leases.grant', 'leases.revoke', 'leases.keepAlive', 'leases.timeToLive', 'leases.list'],
] as const;

export type Method = (typeof METHODS)[number];

/** A view of the store: `withPrefix` for each prefix, the outermost first, and `readOnly` around them. */
export interface View {
  readonly prefixes: readonly string[];
  readonly readOnly: boolean;
}

export const WHOLE_STORE: View = { prefixes: [], readOnly: false };

/** A call. Its arguments may be anything, since JavaScript callers may pass anything; references stand anywhere in them. */
export interface CallStep {
  readonly do: 'call';
  readonly view: View;
  readonly method: string;
  readonly args: readonly unknown[];
}

/** Opens a watch. A `patient` consumer reads nothing before a `settle`. */
export interface WatchStep {
  readonly do: 'watch';
  readonly id: number;
  readonly view: View;
  readonly args: readonly unknown[];
  readonly patient: boolean;
}

export type Step =
  | CallStep
  | WatchStep
  | { readonly do: 'unwatch'; readonly id: number }
  /** Waits until every watch has told what it is to tell, and compares all of it. */
  | { readonly do: 'settle' }
  /** Writes a key that is not UTF-8, past the contract. */
  | { readonly do: 'raw put'; readonly key: Uint8Array; readonly value: string };

/** Everything that is done with one seed: plain data. */
export interface Plan {
  readonly seed: number;
  readonly steps: readonly Step[];
}

export function isRef(value: unknown): value is Ref {
  return typeof value === 'object' && value !== null && '$' in value;
}
