import type { ConfigStore, StoreError } from '@holdfast/store';
import type { Conflict } from './conflict.js';
import { ConflictBook } from './conflict-book.js';
import { HeldLeases } from './held-leases.js';
import { KeyMap } from './key-map.js';
import { LeaseTap } from './lease-tap.js';
import type { Ledger } from './ledger.js';
import { makeLedger } from './make-ledger.js';
import type { Settings } from './options.js';
import { OwnKeys } from './own-keys.js';
import { SourceMirror } from './source-mirror.js';
import type { ReplicationState } from './state.js';
import type { StepQueue } from './step-queue.js';
import { Supervision } from './supervision.js';

/** Who hears of what a replicator does. */
export interface ReplicatorEvents {
  state(state: ReplicationState): void;
  conflict(conflict: Conflict): void;
}

/** What the parts of a replicator share. */
export interface ReplicationContext {
  readonly target: ConfigStore;
  readonly settings: Settings;
  readonly mirror: SourceMirror;
  readonly tap: LeaseTap;
  readonly keys: KeyMap;
  readonly own: OwnKeys;
  readonly ledger: Ledger;
  readonly leases: HeldLeases;
  readonly conflicts: ConflictBook;
  readonly supervision: Supervision;
  /** Aborts when the replication ends. */
  readonly signal: AbortSignal;
}

export interface ContextOptions {
  /** Names the replicator in its record. */
  readonly writer: string;
  readonly events: ReplicatorEvents;
  readonly signal: AbortSignal;
  /** Gets what there is to do. */
  readonly queue: StepQueue;
  /** The source's store ended. */
  onEnd(error: StoreError): void;
}

/** Nothing of it has begun. */
export function newContext(
  source: ConfigStore,
  target: ConfigStore,
  settings: Settings,
  options: ContextOptions,
): ReplicationContext {
  const { writer, events, signal, queue } = options;
  const { clock, name, prefix, places, backoff, mapKey, startTimeoutMs, logger, onConflict } = settings;
  const tap = new LeaseTap(source);
  const keys = new KeyMap(mapKey, prefix, places.prefix);
  const own = new OwnKeys();
  const supervision = new Supervision({
    clock,
    backoff,
    startTimeoutMs,
    signal,
    onState: (state) => {
      events.state(state);
    },
  });
  const mirror = new SourceMirror({
    source,
    settings,
    tap,
    supervision,
    signal,
    onStep: (step) => {
      queue.add(step);
    },
    onHistory: (from, to) => {
      queue.addHistory(from, to);
    },
    onEnd: (error) => {
      options.onEnd(error);
    },
  });
  const ledger = makeLedger(target, places, {
    own,
    identity: { name, prefix, targetPrefix: places.prefix, writer, since: clock.now() },
    clock,
    signal,
    failed: (error) => supervision.failed('target', error),
    answered: () => {
      supervision.answered('target');
    },
  });
  const conflicts = new ConflictBook({
    policy: onConflict,
    keys,
    capabilities: target.capabilities,
    logger,
    onConflict: (conflict) => {
      events.conflict(conflict);
    },
  });
  const leases = new HeldLeases({
    source,
    target,
    clock,
    signal,
    onLost: (lost) => {
      queue.addRepair(lost);
    },
  });
  return { target, settings, mirror, tap, keys, own, ledger, leases, conflicts, supervision, signal };
}
