import type { Random } from '@holdfast/testkit';
import type { FileSystem, OpenFile } from '../../src/snapshot/file/file-system.js';

interface Inode {
  readonly id: number;
  data: Uint8Array;
  /** What a power failure leaves for certain. */
  lasting: Uint8Array;
  changed: number;
}

/** A file system in memory that can lose its power: what was not synced may then be there or not, also in part. */
export class MemoryFiles implements FileSystem {
  readonly names = new Map<string, Inode>();
  /** The names that last. */
  readonly #lasting = new Map<string, Inode>();
  /** What was done, in order. */
  readonly done: string[] = [];
  bytesWritten = 0;
  /** Thrown instead of a write, if it says so. */
  fails: (what: string, path: string) => Error | undefined = () => undefined;
  /** Awaited before anything is done, if it says so. */
  waits: (what: string, path: string) => Promise<unknown> | undefined = () => undefined;
  /** How many turns of the event loop a write takes. */
  slowness = 0;
  #next = 1;
  #changes = 0;

  read(path: string): Promise<Uint8Array | undefined> {
    return this.#try('read', path, () => this.names.get(path)?.data.slice());
  }

  create(path: string, isNew: boolean): Promise<OpenFile> {
    return this.#try('create', path, () => {
      if (isNew && this.names.has(path)) throw Object.assign(new Error(`EEXIST: ${path}`), { code: 'EEXIST' });
      const node: Inode = {
        id: this.#next++,
        data: new Uint8Array(),
        lasting: new Uint8Array(),
        changed: ++this.#changes,
      };
      this.names.set(path, node);
      return {
        write: (bytes, position) =>
          this.#try('write', path, () => {
            const data = new Uint8Array(Math.max(node.data.length, position + bytes.length));
            data.set(node.data);
            data.set(bytes, position);
            node.data = data;
            node.changed = ++this.#changes;
            this.bytesWritten += bytes.length;
          }),
        sync: () =>
          this.#try('sync', path, () => {
            node.lasting = node.data;
          }),
        close: () => this.#try('close', path, () => undefined),
      };
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#try('rename', to, () => {
      const node = this.#at(from);
      this.names.delete(from);
      this.names.set(to, node);
    });
  }

  link(from: string, to: string): Promise<void> {
    return this.#try('link', to, () => {
      if (!this.names.has(to)) this.names.set(to, this.#at(from));
    });
  }

  remove(path: string): Promise<void> {
    return this.#try('remove', path, () => {
      this.names.delete(path);
    });
  }

  syncFolder(path: string): Promise<void> {
    return this.#try('sync folder', path, () => {
      this.#lasting.clear();
      for (const [name, node] of this.names) this.#lasting.set(name, node);
    });
  }

  makeFolder(path: string): Promise<void> {
    return this.#try('make', path, () => undefined);
  }

  list(folder: string): Promise<readonly string[]> {
    return this.#try('list', folder, () => [...this.names.keys()].map((name) => name.slice(folder.length + 1)));
  }

  stat(path: string) {
    return this.#try('stat', path, () => {
      const node = this.names.get(path);
      return node && { id: `0:${node.id}`, changed: node.changed, size: node.data.length };
    });
  }

  touch(path: string): Promise<void> {
    return this.#try('touch', path, () => {
      this.#at(path).changed = ++this.#changes;
    });
  }

  /** The same files, for another process. The first one is killed: what it does from now on changes nothing. */
  afterKill(): MemoryFiles {
    return this.#copy(this.names, ({ data }) => data);
  }

  /** What may be there after the power failed. */
  afterPowerFailure(random: Random): MemoryFiles {
    const names = new Map<string, Inode>();
    for (const name of new Set([...this.names.keys(), ...this.#lasting.keys()])) {
      const [now, before] = [this.names.get(name), this.#lasting.get(name)];
      const node = now === before || random.chance(0.5) ? now : before;
      if (node !== undefined) names.set(name, node);
    }
    return this.#copy(names, ({ data, lasting }) => {
      const more = data.length > lasting.length ? data.slice(0, random.between(lasting.length, data.length)) : data;
      const kept = more.slice();
      kept.set(lasting.slice(0, kept.length));
      return random.chance(0.5) ? kept : lasting;
    });
  }

  #copy(names: ReadonlyMap<string, Inode>, content: (node: Inode) => Uint8Array): MemoryFiles {
    const files = new MemoryFiles();
    for (const [name, node] of names) {
      const data = content(node).slice();
      const copy = { id: node.id, data, lasting: data, changed: node.changed };
      files.names.set(name, copy);
      files.#lasting.set(name, copy);
    }
    files.#next = this.#next;
    files.#changes = this.#changes;
    return files;
  }

  #at(path: string): Inode {
    const node = this.names.get(path);
    if (node === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
    return node;
  }

  async #try<T>(what: string, path: string, work: () => T): Promise<T> {
    await Promise.resolve();
    for (let turn = 0; what === 'write' && turn < this.slowness; turn++) await new Promise(setImmediate);
    const wait = this.waits(what, path);
    if (wait !== undefined) await wait;
    const failure = this.fails(what, path);
    if (failure !== undefined) throw failure;
    if (what !== 'read' && what !== 'stat' && what !== 'list' && what !== 'close') this.done.push(`${what} ${path}`);
    return work();
  }
}
