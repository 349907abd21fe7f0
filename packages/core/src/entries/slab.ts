import type { Page } from '@holdfast/store';
import type { Slicer } from '@holdfast/store/adapter';
import type { Revisions } from './entry.js';
import type { RawValue } from '../values/raw-value.js';

/**
 * A page of a scan that lazy entries still have their values in: as long as one of them does, all of it stays in memory.
 * What that wastes is bounded, see {@link compactSlabs}.
 */
export class Slab {
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
  }

  value(index: number): Uint8Array {
    return this.#page.value(index);
  }

  revisions(index: number): Revisions {
    return {
      modRevision: this.#page.modRevision(index),
      createRevision: this.#page.createRevision(index),
      version: this.#page.version(index),
    };
  }

  /** Whether the version of an entry is that of another page's. */
  isVersion(index: number, page: Page, other: number): boolean {
    const mine = this.#page;
    if (mine.modRevision(index) !== page.modRevision(other)) return false;
    if (mine.createRevision(index) !== page.createRevision(other)) return false;
    const version = mine.version(index);
    return version === undefined || version === (page.version(other) ?? version);
  }

  get length(): number {
    return this.#page.length;
  }

  get retainedBytes(): number {
    return this.#page.retainedBytes;
  }
}

/** Something that may have its value in a slab. */
export interface SlabUser {
  readonly slab: Slab | undefined;
  readonly raw: RawValue;
  /** Copies the value out of the slab. */
  leaveSlab(): void;
}

/** A slab is given up when less than this part of its values is in use. */
const LEAST_USE = 0.5;

/** Everything that may have its value in a slab. */
export interface SlabUsers {
  /** How many entries that are not made yet each slab has: to count them takes no object for each. */
  rows(): Iterable<readonly [slab: Slab, count: number]>;
  /** Those of entries that were made. */
  made(): Iterable<SlabUser>;
  /** All of them. */
  all(): Iterable<SlabUser>;
}

/** Copies the values that are still in use out of slabs that are mostly not. Nothing may change meanwhile. */
export async function compactSlabs(users: SlabUsers, slicer: Slicer): Promise<void> {
  const inUse = new Map<Slab, number>();
  const count = (slab: Slab, more: number): void => {
    inUse.set(slab, (inUse.get(slab) ?? 0) + more);
  };
  for (const [slab, rows] of users.rows()) count(slab, rows);
  for (const { slab } of users.made()) {
    if (slab !== undefined) count(slab, 1);
    if (slicer.isDue()) await slicer.pause();
  }
  const sparse = new Set([...inUse].filter(([slab, used]) => used < slab.length * LEAST_USE).map(([slab]) => slab));
  if (sparse.size === 0) return;
  for (const user of users.all()) {
    if (user.slab !== undefined && sparse.has(user.slab)) user.leaveSlab();
    if (slicer.isDue()) await slicer.pause();
  }
}
