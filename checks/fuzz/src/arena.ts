import type { ConfigStore } from '@holdfast/store';
import type { Kind } from './generate.js';
import type { View } from './plan.js';
import type { Side } from './side.js';

/** A real server and a memory store, which are led through the same plans. Both may go on from plan to plan. */
export interface Arena extends AsyncDisposable {
  /** Such as `etcd 3.5.30`, or `etcd 3.5.30, v2 API`. */
  readonly name: string;
  readonly kind: Kind;
  /** The memory store behind what is compared, which may be able to do more. */
  readonly memory: ConfigStore;
  /** The oldest revision, as the memory store numbers it, that plans ask for. */
  readonly oldest: number;
  /** Empties both, and gives them as the two sides of a plan. */
  begin(): Promise<{ readonly server: Side; readonly memory: Side }>;
  /** To be called after each step: which revisions of the two correspond may have to be noted. */
  stepped(): Promise<void>;
  /** Writes a key that is not UTF-8 to both. */
  putRaw(key: Uint8Array, value: string): Promise<void>;
  /** Whether the server may refuse a call that its capabilities alone do not tell of. The memory store is not asked then. */
  mayBeUnsupported(view: View, method: string, args: readonly unknown[]): boolean;
  /** Whether a call may compare with more than the server takes, whatever else is wrong with it. */
  mayBeTooLarge(args: readonly unknown[]): boolean;
}
