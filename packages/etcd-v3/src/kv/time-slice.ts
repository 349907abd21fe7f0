import { nextTurn } from '@holdfast/store/adapter';
/** How long work may hold the event loop, in milliseconds. */
const SLICE_MS = 2.5;

/** Cuts long work into slices, so that the host's own work is never much delayed (M11). */
export class TimeSlice {
  #began = performance.now();

  /** Lets the event loop turn if the slice has lasted long enough. Call it every few hundred steps. */
  async breathe(): Promise<void> {
    if (performance.now() - this.#began < SLICE_MS) return;
    await nextTurn();
    this.#began = performance.now();
  }
}
