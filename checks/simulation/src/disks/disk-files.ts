import type { FileFacts, FileSystem, OpenFile } from '@holdfast/core/file-snapshot';
import type { DiskNode, DiskState } from './disk-state.js';

let nodes = 0;

/** A disk as one process sees it. Once that has died, what it still asks for fails, and changes nothing. */
export class DiskFiles implements FileSystem {
  readonly #disk: DiskState;
  readonly #onDeath: () => void;
  /** What is under way. Each can come out in part. */
  readonly #underWay = new Set<() => void>();
  #isDead = false;
  #changes = 0;
  #isRenamed = false;
  /** Since when a file that it put in its place lasts, on the true clock. */
  savedAt: number | undefined;

  constructor(disk: DiskState, onDeath: () => void) {
    this.#disk = disk;
    this.#onDeath = onDeath;
  }

  /** Its process dies at this moment. `isSeen`: others can ask the system whether it has ended. */
  die(isSeen: boolean): void {
    this.#isDead = true;
    for (const tear of this.#underWay) tear();
    this.#underWay.clear();
    if (isSeen) this.#bury();
    this.#onDeath();
  }

  /** Its marks are of a process that is not there any more. In truth all are of this one. */
  #bury(): void {
    for (const [name, node] of this.#disk.names) {
      if (node.maker !== this || !name.includes('.writer-')) continue;
      const text = Buffer.from(node.data).toString('utf8');
      node.data = Buffer.from(text.replace(/"started":"\d+"/, '"started":"0"'));
    }
  }

  read(path: string): Promise<Uint8Array | undefined> {
    return this.#do({}, () => this.#disk.names.get(path)?.data.slice());
  }

  create(path: string, isNew: boolean): Promise<OpenFile> {
    return this.#do({ writes: true }, () => {
      const { names } = this.#disk;
      if (isNew && names.has(path)) throw failure('EEXIST', path);
      const empty = new Uint8Array();
      const node: DiskNode = { id: (nodes += 1), data: empty, lasting: empty, changed: this.#tick(), maker: this };
      names.set(path, node);
      return this.#opened(node);
    });
  }

  #opened(node: DiskNode): OpenFile {
    return {
      write: (bytes, position) => {
        const put = (length: number) => {
          const data = new Uint8Array(Math.max(node.data.length, position + length));
          data.set(node.data);
          data.set(bytes.subarray(0, length), position);
          node.data = data;
          node.changed = this.#tick();
        };
        const tear = () => {
          put(this.#disk.options.random.between(0, bytes.length));
        };
        return this.#do({ writes: true, tear }, () => {
          put(bytes.length);
        });
      },
      sync: () =>
        this.#do({ isSync: true }, () => {
          node.lasting = node.data;
        }),
      close: () => this.#do({}, () => undefined),
    };
  }

  rename(from: string, to: string): Promise<void> {
    return this.#do({ writes: true }, () => {
      const { names, onReplaced } = this.#disk;
      const node = this.#at(from);
      const before = names.has(to) ? this.#disk.image() : undefined;
      names.delete(from);
      names.set(to, node);
      this.#isRenamed = true;
      if (before !== undefined) onReplaced({ path: to, before, after: this.#disk.image() });
    });
  }

  link(from: string, to: string): Promise<void> {
    return this.#do({ writes: true }, () => {
      const { names } = this.#disk;
      if (!names.has(to)) names.set(to, this.#at(from));
    });
  }

  remove(path: string): Promise<void> {
    return this.#do({ changes: true }, () => {
      this.#disk.names.delete(path);
    });
  }

  syncFolder(): Promise<void> {
    return this.#do({ isSync: true }, () => {
      this.#disk.syncNames();
      if (this.#isRenamed) this.savedAt ??= this.#disk.options.clock.now;
    });
  }

  makeFolder(): Promise<void> {
    return this.#do({}, () => undefined);
  }

  list(folder: string): Promise<readonly string[]> {
    return this.#do({}, () => [...this.#disk.names.keys()].map((name) => name.slice(folder.length + 1)));
  }

  stat(path: string): Promise<FileFacts | undefined> {
    return this.#do({}, () => {
      const node = this.#disk.names.get(path);
      return node && { id: `0:${node.id}`, changed: node.changed, size: node.data.length };
    });
  }

  touch(path: string): Promise<void> {
    return this.#do({}, () => {
      this.#at(path).changed = this.#tick();
    });
  }

  #at(path: string): DiskNode {
    const node = this.#disk.names.get(path);
    if (node === undefined) throw failure('ENOENT', path);
    return node;
  }

  #tick(): number {
    return this.#disk.options.clock.now * 1_000 + (this.#changes += 1);
  }

  async #do<T>({ writes = false, changes = writes, isSync = false, tear }: Doing, work: () => T): Promise<T> {
    const { options } = this.#disk;
    const partly = tear ?? (changes || isSync ? () => orNot(options.random.chance(0.5), work) : undefined);
    if (!this.#isDead && partly !== undefined) this.#underWay.add(partly);
    await this.#disk.delay(isSync);
    if (this.#isDead) throw failure('ESRCH', 'the process has died');
    if (partly !== undefined) this.#underWay.delete(partly);
    const { mood } = this.#disk;
    if (mood === 'read-only' && changes) throw failure('EROFS', 'the file system is read-only');
    if (mood === 'full' && writes) {
      tear?.();
      throw failure('ENOSPC', 'no space is left on the device');
    }
    return work();
  }
}

interface Doing {
  /** Whether it takes space. */
  readonly writes?: boolean;
  readonly changes?: boolean;
  readonly isSync?: boolean;
  /** Does it in part. By default it is done, or not. */
  readonly tear?: () => void;
}

function orNot(does: boolean, work: () => unknown): void {
  if (!does) return;
  try {
    work();
  } catch {
    // It would have failed.
  }
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}
