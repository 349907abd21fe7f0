import type { Random } from '../plans/random.js';
import type { SimClock } from '../sim-clock.js';

/** What a disk does with everything that is asked of it. */
export type DiskMood = 'works' | 'slow' | 'full' | 'read-only';

export interface DiskOptions {
  readonly clock: SimClock;
  readonly random: Random;
  readonly count: (fault: string) => void;
}

/** A file, whatever its names. */
export interface DiskNode {
  readonly id: number;
  data: Uint8Array;
  /** What outlasts a power failure. */
  lasting: Uint8Array;
  changed: number;
  /** The process that made it. */
  readonly maker: unknown;
}

/** The files of a disk at one moment: path → content. */
export type DiskImage = ReadonlyMap<string, Uint8Array>;

/** A file that a rename put in the place of another one. */
export interface Replacement {
  readonly path: string;
  readonly before: DiskImage;
  readonly after: DiskImage;
}

/** A disk as its processes use it. */
export interface DiskState {
  readonly options: DiskOptions;
  readonly mood: DiskMood;
  readonly names: Map<string, DiskNode>;
  readonly onReplaced: (replacement: Replacement) => void;
  /** Resolves when the disk has done what it was asked for. */
  delay(isSync: boolean): Promise<void>;
  syncNames(): void;
  image(): DiskImage;
}
