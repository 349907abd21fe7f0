import { StoreError, type Clock } from '@holdfast/store';
import type { FolderEntry } from '../folder/entry.js';
import { plainProblem } from '../folder/problem.js';
import { byKey, readEntry, type ReadProblem } from '../folder/read-entry.js';
import { resolveRoot, type Root } from '../folder/root.js';
import { abandonedOf, fullPath, inBatches, walkOnce, type FoundFile, type Walk } from '../folder/walk.js';
import { Settling, type Rest } from './settle.js';
import { idOf, type Snapshot, type Source, type SourceEntry } from './snapshot.js';

/** A folder that is swapped more often while it is read is not readable. */
const ATTEMPTS = 50;

/** What was read of a file, as long as nobody touches the file. */
interface Known {
  readonly file: FoundFile;
  readonly signature: string;
  readonly read: FolderEntry | ReadProblem;
}

interface Look {
  readonly root: Root;
  readonly walk: Walk;
  /** The signatures of all files. */
  readonly signatures: ReadonlyMap<string, string>;
  /** All of that as one text: the same text, the same folder. */
  readonly seen: string;
}

export interface FolderSourceOptions {
  readonly path: string;
  readonly maxFileBytes: number;
  readonly maxKeyBytes: number;
  readonly settleMs: number;
  readonly clock: Clock;
}

/**
 * The entries of a folder. What it gives was in the folder at one moment: nothing has changed between the look before and the look behind. The
 * files of a mount never change, so one look is enough if all of them can be read afterwards.
 */
export class FolderSource implements Source {
  readonly #options: FolderSourceOptions;
  readonly #settling: Settling;
  #known = new Map<string, Known>();
  /** The files of all entries, by their keys. */
  #files = new Map<string, FoundFile>();
  /** What the last snapshot was made of. */
  #taken: Look | undefined;
  folders: readonly Buffer[] = [];

  constructor(options: FolderSourceOptions) {
    this.#options = options;
    this.#settling = new Settling(options.clock, options.settleMs);
  }

  get root(): Root | undefined {
    return this.#taken?.root;
  }

  /** What a killed writer has left, as of the last look. */
  get leftovers(): readonly Buffer[] {
    return this.#taken?.walk.leftovers ?? [];
  }

  /** What a killed writer has left long ago, as of the last look. */
  async abandoned(): Promise<readonly Buffer[]> {
    const taken = this.#taken;
    return taken === undefined ? [] : abandonedOf(taken.root, taken.walk, this.#options.clock.now());
  }

  /** The file that a key has. */
  fileOf(rawKey: Uint8Array): FoundFile | undefined {
    return this.#files.get(idOf(rawKey));
  }

  /** All keys that have files, as far as they are text. */
  *keys(): Generator<string> {
    for (const { name } of this.#files.values()) if (name.key !== undefined) yield name.key;
  }

  async read(): Promise<Snapshot | undefined> {
    this.#settling.reset();
    let before: Look | undefined;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const look = await this.#look();
      if (look === undefined) {
        if (this.#settling.look(undefined, []) === 'too long') break;
        // A mount is whole again at once.
        if (this.#taken?.root.isMount !== true) await this.#settling.wait();
        continue;
      }
      this.folders = look.walk.folders;
      if (look.seen === this.#taken?.seen) return undefined;
      this.#checkEmptied(look);
      const rest = this.#restOf(look);
      // After a comeback, files may still be on their way: what is not here yet is not deleted.
      if (rest === 'wait' || (rest === 'too long' && this.#isOther(look.root))) {
        if (rest === 'too long') break;
        before = look;
        await this.#settling.wait();
        continue;
      }
      const snapshot = await this.#take(look, rest === 'too long' ? before : undefined);
      if (snapshot !== undefined) return snapshot;
    }
    throw new StoreError(
      'unavailable',
      `${this.#options.path} was changed each time that it was read; what was read before stays; replace the folder, or its files, as a whole`,
    );
  }

  /** After a write of this store: the file is known, and no change. */
  note(file: FoundFile, read: FolderEntry): void {
    this.#known.set(idOf(file.path), { file, signature: file.signature, read });
    this.#files.set(idOf(file.name.rawKey), file);
    this.#forgetLook();
  }

  forget(path: Uint8Array): void {
    const name = this.#known.get(idOf(path))?.file.name;
    if (name !== undefined) this.#files.delete(idOf(name.rawKey));
    this.#known.delete(idOf(path));
    this.#forgetLook();
  }

  /** The next look finds another folder than the last snapshot, and reads what it does not know. */
  #forgetLook(): void {
    if (this.#taken !== undefined) this.#taken = { ...this.#taken, seen: '' };
  }

  async #look(): Promise<Look | undefined> {
    const root = await resolveRoot(this.#options.path);
    if (this.#taken?.root.isMount === true && !root.isMount) {
      throw new StoreError(
        'unavailable',
        `${this.#options.path} has no ..data any more; what was read before stays; mount the volume again`,
      );
    }
    const walked = await walkOnce(this.#options.path, root);
    if (walked === undefined || walked.isTorn) return undefined;
    const signatures = new Map(walked.files.map(({ path, signature }) => [idOf(path), signature]));
    const lines = [...signatures].map(([id, signature]) => `${id}\0${signature}`);
    const problems = walked.problems.map(({ path, reason }) => `${path}\0${reason}`);
    const seen = [root.real, root.id, ...lines.sort(), ...problems.sort()].join('\n');
    return { root, walk: walked, signatures, seen };
  }

  /** A volume that is not mounted is an empty folder. */
  #checkEmptied({ root, walk: { files, problems } }: Look): void {
    const before = this.#taken;
    const wasEmpty = before === undefined || before.walk.files.length === 0;
    if (root.isMount || wasEmpty || files.length > 0 || problems.length > 0 || !this.#isOther(root)) return;
    throw new StoreError(
      'unavailable',
      `${this.#options.path} is another folder than before, and empty, as without its mount; what was read before stays; put its files there`,
    );
  }

  #isOther(root: Root): boolean {
    return this.#taken !== undefined && this.#taken.root.id !== root.id;
  }

  #restOf(look: Look): Rest {
    const changed = look.walk.files.filter(
      ({ path, signature }) => this.#known.get(idOf(path))?.signature !== signature,
    );
    // The files of a mount are whole before the mount points to them. And where there is nothing to read, there is nothing to wait for.
    if (look.root.isMount || (changed.length === 0 && this.#gone(look).length === 0)) return 'settled';
    const facts = changed.map((file) => file.facts);
    if (this.#taken === undefined && this.#settling.areOld(facts)) return 'settled';
    return this.#settling.look(look.seen, facts);
  }

  /** The files that are known, and not there any more. */
  #gone(look: Look): string[] {
    return [...this.#known.keys()].filter((id) => !look.signatures.has(id));
  }

  /**
   * Reads what has changed. Gives nothing if the folder was changed meanwhile.
   *
   * @param before where something never rests: an earlier look. Files that have changed since are left as they were known.
   */
  async #take(look: Look, before: Look | undefined): Promise<Snapshot | undefined> {
    const { root, walk: walked } = look;
    const isRestless = (id: string) => before !== undefined && before.signatures.get(id) !== look.signatures.get(id);
    const known = new Map<string, Known>();
    let [torn, passing, news] = [false, false, 0];
    await inBatches(walked.files, async (file) => {
      const id = idOf(file.path);
      const last = this.#known.get(id);
      if (last?.signature === file.signature || isRestless(id)) {
        if (last !== undefined) known.set(id, last);
        return;
      }
      news += 1;
      const read = await readEntry(fullPath(root, file.path), file, this.#options.maxFileBytes);
      if (read === 'gone') torn = true;
      else known.set(id, { file, signature: file.signature, read });
      passing ||= read !== 'gone' && 'reason' in read && read.isPassing;
    });
    const mayHaveChanged = news > 0 && before === undefined && !root.isMount;
    if (torn || (mayHaveChanged && (await this.#look())?.seen !== look.seen)) return undefined;
    for (const id of this.#gone(look)) {
      const last = this.#known.get(id);
      if (last !== undefined && isRestless(id)) known.set(id, last);
    }
    this.#known = known;
    this.#taken = before === undefined && !passing ? look : { ...look, seen: '' };
    return this.#snapshot(walked);
  }

  #snapshot(walked: Walk): Snapshot {
    const { single, twice } = byKey([...this.#known.values()].map(({ file }) => file));
    const problems = [...walked.problems, ...twice];
    const entries = new Map<string, SourceEntry>();
    const doubtful: string[] = [];
    this.#files = new Map(single.map((file) => [idOf(file.name.rawKey), file]));
    for (const file of single) {
      const result = this.#known.get(idOf(file.path))?.read;
      if (result === undefined) continue;
      if ('reason' in result) {
        problems.push(plainProblem(result));
        continue;
      }
      const { maxKeyBytes } = this.#options;
      if (result.rawKey.length > maxKeyBytes) {
        const reason = `its key has ${result.rawKey.length} bytes, and ${maxKeyBytes} are allowed: shorten its path`;
        problems.push({ path: result.path, key: result.key, reason });
        continue;
      }
      entries.set(idOf(result.rawKey), result);
      doubtful.push(...result.doubtful.map((word) => `${result.path}: ${word}`));
    }
    return { entries, problems, doubtful };
  }
}
