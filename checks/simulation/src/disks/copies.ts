import type { SnapshotStore } from '@holdfast/core';

/** A place for whole copies, such as an object store. A save is done or not. */
export class Copies {
  #bytes: Uint8Array | undefined;

  /** As one process has it. */
  open(): { readonly snapshot: SnapshotStore; readonly die: () => void } {
    let isDead = false;
    const check = () => {
      if (isDead) throw new Error('the process has died');
    };
    const snapshot: SnapshotStore = {
      load: async () => {
        check();
        return this.#bytes?.slice();
      },
      save: async (bytes) => {
        await Promise.resolve();
        check();
        this.#bytes = bytes.slice();
      },
    };
    return {
      snapshot,
      die: () => {
        isDead = true;
      },
    };
  }
}
