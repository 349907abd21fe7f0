import type { ConfigStore, Logger } from '@holdfast/store';
import type { Random } from '@holdfast/testkit';
import type { ReadProbe } from './checks/reads.js';
import type { Ground } from './coordination/ground.js';
import type { FaultKind, Injection, WorldKind } from './fault.js';
import type { LiveTruth } from './live-truth.js';
import type { MirrorProbe } from './mirror-probe.js';
import type { Outside } from './outside.js';
import type { CampaignSettings } from './settings.js';
import type { StoreFaultKind } from './stores/store-fault-kind.js';
import type { LiveWriters } from './writers.js';

/** What an injection needs of a world, whatever the store. */
export interface TestedWorld {
  /** Of its cell, for reports. */
  readonly name: string;
  readonly settings: CampaignSettings;
  readonly store: ConfigStore;
  readonly writers: LiveWriters;
  readonly truth: LiveTruth;
  readonly outside: Outside;
  /** The ways to the store under test, by which it is read without Holdfast. */
  readonly proxies: readonly { readonly endpoint: string }[];
  readonly mirrors: readonly MirrorProbe[];
  readonly reads: ReadProbe;
  /** What coordinators stand on, where they take part. */
  readonly ground?: Ground | undefined;
  /** Its history is so short that any watch which is away may be overtaken. */
  readonly forgets: boolean;
  /** Resolves when all of the store can be read again. */
  serves(): Promise<void>;
  /** Waits until the store has no more watches than before the first fault; gives what is wrong where that does not come about. */
  watchersProblem(timeoutMs: number): Promise<string | undefined>;
  close(): Promise<void>;
}

/** A fault of the worlds of one kind. See `Fault`, which is that of clusters of etcd. */
export interface FaultOf<W extends TestedWorld> {
  readonly kind: FaultKind | StoreFaultKind;
  readonly world?: WorldKind;
  inject(world: W, random: Random): Promise<Injection>;
}

/** An injection to be made, in a world that others of the same place share. */
export interface PlannedIn<W extends TestedWorld> {
  /** As it is reported. */
  readonly cell: string;
  readonly fault: FaultOf<W>;
  readonly seed: number;
  /** Injections share a world where this is the same. */
  readonly place: unknown;
  start(logger: Logger | undefined): Promise<W>;
}
