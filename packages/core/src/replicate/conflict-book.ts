import type { Capabilities, KeyValue, Logger } from '@holdfast/store';
import { checkStorableKey, checkStorableValue, toStoreError } from '@holdfast/store/adapter';
import type { Problem } from '../events/problem.js';
import { type Conflict, type ConflictReason, describeConflict, ReplicationConflictError } from './conflict.js';
import type { KeyMap } from './key-map.js';
import type { ConflictPolicy } from './options.js';
import type { Wanted } from './wanted.js';

export interface ConflictBookOptions {
  readonly policy: ConflictPolicy;
  readonly keys: KeyMap;
  /** What the target can store. */
  readonly capabilities: Capabilities;
  readonly logger: Logger;
  readonly onConflict: (conflict: Conflict) => void;
}

/** The conflicts of a replication: how they come to be, who hears of them, and which of them stand. */
export class ConflictBook {
  readonly #options: ConflictBookOptions;
  readonly #standing = new Map<string, Conflict>();

  constructor(options: ConflictBookOptions) {
    this.#options = options;
  }

  /** Those that stand, by the target's key. */
  values(): IterableIterator<Conflict> {
    return this.#standing.values();
  }

  /** The source has another state of that key: it is judged anew. */
  forget(targetKey: string): void {
    this.#standing.delete(targetKey);
  }

  clear(): void {
    this.#standing.clear();
  }

  /** @param want absent where the source has deleted the key */
  of(reason: ConflictReason, targetKey: string, want: Wanted | undefined, current: KeyValue | undefined): Conflict {
    const resolution = this.#options.policy === 'overwrite' ? 'overwritten' : 'left';
    return this.#make(reason, targetKey, { want, current, resolution });
  }

  /** What the target has refused. It is left as it is with every policy. */
  refused(targetKey: string, want: Wanted | undefined, why: string): Conflict {
    return this.#make('value', targetKey, { want, why, resolution: 'left' });
  }

  /** The conflict of a key or value that the target can't store; `undefined` if it can. */
  unfit(targetKey: string, want: Wanted, current: KeyValue | undefined): Conflict | undefined {
    const { capabilities } = this.#options;
    let reason: ConflictReason = 'key';
    try {
      checkStorableKey(targetKey, capabilities);
      reason = 'value';
      checkStorableValue(want.entry.value, capabilities, targetKey);
      return undefined;
    } catch (error) {
      return this.#make(reason, targetKey, { want, current, why: toStoreError(error).message, resolution: 'left' });
    }
  }

  /** @throws ReplicationConflictError with the policy `'stop'` */
  tell(conflicts: readonly Conflict[]): void {
    const { policy, logger, onConflict } = this.#options;
    for (const conflict of conflicts) {
      if (conflict.resolution === 'left') this.#standing.set(conflict.targetKey, conflict);
      logger.warn(`replication conflict: ${conflict.message}`, { key: conflict.targetKey });
      onConflict(conflict);
    }
    if (policy === 'stop' && conflicts.length > 0) throw new ReplicationConflictError(conflicts);
  }

  #make(
    reason: ConflictReason,
    targetKey: string,
    {
      want,
      current,
      why,
      resolution,
    }: {
      readonly want: Wanted | undefined;
      readonly current?: KeyValue | undefined;
      readonly why?: string;
      readonly resolution: Conflict['resolution'];
    },
  ): Conflict {
    return {
      key: want === undefined ? targetKey : this.#options.keys.source(want.source),
      targetKey,
      reason,
      message: describeConflict(reason, targetKey, why),
      ...(want === undefined ? {} : { revision: want.entry.modRevision }),
      ...(current === undefined ? {} : { targetRevision: current.modRevision }),
      resolution,
    };
  }
}

/** The source's keys that are not UTF-8: no mirror can show them, and none is carried over. */
export function* unreadable(
  problems: readonly Problem[],
  { prefix, targetPrefix }: { readonly prefix: string; readonly targetPrefix: string },
): IterableIterator<Conflict> {
  for (const { rawKey } of problems) {
    const key = new TextDecoder().decode(rawKey);
    const message = describeConflict('not-utf8', key);
    yield { key, targetKey: targetPrefix + key.slice(prefix.length), reason: 'not-utf8', message, resolution: 'left' };
  }
}
