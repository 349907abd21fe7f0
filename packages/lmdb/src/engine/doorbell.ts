import { closeSync, constants, openSync, watch, writeSync, type FSWatcher } from 'node:fs';
import { bellPath, bellText } from '../database/bell-file.js';

/**
 * Tells the watches of all processes that something was committed. Those of this process are called; those of others see that a file was
 * written. A ring may be lost: a writer may die before it rings, and some file systems tell nobody. Watches look by themselves as well.
 */
export class Doorbell {
  readonly #path: string;
  readonly #listeners = new Set<() => void>();
  #watcher: FSWatcher | undefined;
  #file: number | undefined;

  /** @param folder where the bell's file is */
  constructor(folder: string) {
    this.#path = bellPath(folder);
  }

  /** Gives a function that stops listening. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    this.#watch();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#unwatch();
    };
  }

  /** @param dataBytes how long the data file is: it never gets shorter, so whoever opens it knows whether it was cut off */
  ring(dataBytes: number): void {
    this.#tell();
    try {
      this.#file ??= openSync(this.#path, constants.O_RDWR | constants.O_CREAT, 0o664);
      // Always as many bytes: it takes no space that is not taken already.
      writeSync(this.#file, bellText(dataBytes), 0);
    } catch {
      // Others look after pollMs.
      this.#closeFile();
    }
  }

  /** Another folder is at the path, or may be. */
  reset(): void {
    this.#closeFile();
    this.#unwatch();
    if (this.#listeners.size === 0) return;
    this.#watch();
    // A ring may have been on its way to the old one.
    this.#tell();
  }

  close(): void {
    this.#listeners.clear();
    this.#closeFile();
    this.#unwatch();
  }

  readonly #tell = (): void => {
    for (const listener of [...this.#listeners]) listener();
  };

  #watch(): void {
    if (this.#watcher !== undefined) return;
    try {
      closeSync(openSync(this.#path, constants.O_RDWR | constants.O_CREAT, 0o664));
      this.#watcher = watch(this.#path, { persistent: false }, this.#tell);
      this.#watcher.on('error', () => {
        this.#unwatch();
      });
    } catch {
      // Nobody rings here: watches look after pollMs.
    }
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #closeFile(): void {
    if (this.#file === undefined) return;
    try {
      closeSync(this.#file);
    } catch {
      // It is gone either way.
    }
    this.#file = undefined;
  }
}
