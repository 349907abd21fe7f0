import { watch, type FSWatcher } from 'node:fs';
import { basename } from 'node:path';
import { messageOf } from '@holdfast/adapter-kit';
import type { Logger } from '@holdfast/store';
import { codeOf, isGone } from '../errors.js';

/**
 * Listens to folders, without what is below them: each has a watcher of its own. It only shortens the wait for the next look. Some file systems
 * tell nothing, and a machine may be out of watchers.
 */
export class Watchers {
  readonly #logger: Logger;
  readonly #open = new Map<string, FSWatcher>();
  readonly #rings = new Set<() => void>();
  readonly #concerns: (folder: string, name: string) => boolean;
  #warned = false;

  /** @param concerns whether something of this name in this folder is worth a look */
  constructor(logger: Logger, concerns: (folder: string, name: string) => boolean) {
    this.#logger = logger;
    this.#concerns = concerns;
  }

  /** Whether anybody listens. Without, there are no watchers. */
  get isOn(): boolean {
    return this.#rings.size > 0;
  }

  add(ring: () => void): () => void {
    this.#rings.add(ring);
    return () => {
      this.#rings.delete(ring);
      if (!this.isOn) this.#keep(new Set());
    };
  }

  readonly ring = (): void => {
    for (const ring of [...this.#rings]) ring();
  };

  /** Listens to these folders alone. Gives whether there is a new one among them: what happened there before was not heard. */
  listenTo(folders: readonly (Buffer | string)[]): boolean {
    if (!this.isOn) return false;
    const wanted = new Set(folders.map((folder) => Buffer.from(folder).toString('latin1')));
    this.#keep(wanted);
    let isNew = false;
    for (const path of wanted) {
      if (!this.#open.has(path)) isNew = this.#listen(path) || isNew;
    }
    return isNew;
  }

  #keep(wanted: ReadonlySet<string>): void {
    for (const [path, watcher] of this.#open) {
      if (wanted.has(path)) continue;
      this.#open.delete(path);
      watcher.close();
    }
  }

  #listen(path: string): boolean {
    const ownName = basename(Buffer.from(path, 'latin1').toString());
    try {
      const watcher = watch(Buffer.from(path, 'latin1'), { persistent: false }, (event, name) => {
        // The folder itself is gone, or another one has its name: nothing in that one would be heard.
        if (event === 'rename' && name === ownName) this.#drop(path, watcher);
        else if (name !== null && !this.#concerns(path, name)) return;
        this.ring();
      });
      watcher.on('error', (error) => {
        this.#drop(path, watcher);
        if (!isGone(error) && codeOf(error) !== 'EPERM') this.#warn(error);
        this.ring();
      });
      this.#open.set(path, watcher);
      return true;
    } catch (error) {
      if (!isGone(error)) this.#warn(error);
      return false;
    }
  }

  #drop(path: string, watcher: FSWatcher): void {
    if (this.#open.get(path) === watcher) this.#open.delete(path);
    watcher.close();
  }

  #warn(error: unknown): void {
    if (this.#warned) return;
    this.#warned = true;
    const advice =
      codeOf(error) === 'ENOSPC' || codeOf(error) === 'EMFILE'
        ? '; raise fs.inotify.max_user_watches and max_user_instances, or leave it so'
        : '';
    this.#logger.warn(`the files store is not told of changes, and looks every pollMs: ${messageOf(error)}${advice}`, {
      error,
    });
  }
}
