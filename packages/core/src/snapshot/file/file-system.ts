import { constants } from 'node:fs';
import { copyFile, link, mkdir, open, readdir, readFile, rename, stat, unlink, utimes } from 'node:fs/promises';
import { invalidArgument } from '@holdfast/store/adapter';

/** The few things that snapshots do with files. Paths are absolute. A failure is an `Error` with the `code` that Node.js gives it. */
export interface FileSystem {
  /** `undefined` where there is no such file. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Makes a file that only its user may read; it replaces one, or with `isNew` fails with `EEXIST`. */
  create(path: string, isNew: boolean): Promise<OpenFile>;
  rename(from: string, to: string): Promise<void>;
  /** Gives a file a second name. Nothing happens where there is one of that name. */
  link(from: string, to: string): Promise<void>;
  /** Nothing happens where there is no such file. */
  remove(path: string): Promise<void>;
  /** Makes names last. */
  syncFolder(path: string): Promise<void>;
  makeFolder(path: string): Promise<void>;
  /** The names in a folder; none where there is no such folder. */
  list(folder: string): Promise<readonly string[]>;
  stat(path: string): Promise<FileFacts | undefined>;
  /** Sets the time of its last change to now. */
  touch(path: string): Promise<void>;
}

export interface OpenFile {
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Resolves when what was written lasts. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface FileFacts {
  /** Which file it is, whatever its name. */
  readonly id: string;
  /** When it was changed last. */
  readonly changed: number;
  readonly size: number;
}

export const nodeFiles: FileSystem = {
  read: (path) => orAbsent(readFile(path)),
  create: async (path, isNew) => {
    const { O_CREAT, O_EXCL, O_TRUNC, O_RDWR } = constants;
    const handle = await open(path, O_CREAT | O_RDWR | (isNew ? O_EXCL : O_TRUNC), 0o600);
    return {
      write: async (bytes, position) => {
        for (let done = 0; done < bytes.length;) {
          done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
        }
      },
      sync: () => handle.sync(),
      close: () => handle.close(),
    };
  },
  rename,
  link: async (from, to) => {
    try {
      await link(from, to);
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return;
      // Not every file system has second names. What an earlier attempt may have left there is a part of the same file.
      await copyFile(from, to);
      const handle = await open(to, 'r+');
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    }
  },
  remove: async (path) => {
    await unlink(path).catch(unless('ENOENT'));
  },
  syncFolder: async (path) => {
    const handle = await open(path, 'r');
    try {
      // Windows can't, and needs it not.
      await handle.sync().catch(unless('EPERM', 'EINVAL', 'EISDIR'));
    } finally {
      await handle.close();
    }
  },
  makeFolder: async (path) => {
    await mkdir(path, { recursive: true });
  },
  list: async (folder) => (await orAbsent(readdir(folder))) ?? [],
  stat: async (path) => {
    const facts = await orAbsent(stat(path, { bigint: true }));
    if (facts === undefined) return undefined;
    return { id: `${facts.dev}:${facts.ino}`, changed: Number(facts.mtimeNs), size: Number(facts.size) };
  },
  touch: async (path) => {
    const now = new Date();
    await utimes(path, now, now);
  },
};

const METHODS = Object.keys(nodeFiles) as readonly (keyof FileSystem)[];

/**
 * The file system to use: the given one, or that of this machine.
 *
 * @throws StoreError `invalid-argument`
 */
export function checkFiles(given: unknown): FileSystem {
  if (given === undefined) return nodeFiles;
  const named = given as Readonly<Record<string, unknown>> | null;
  const absent = METHODS.filter((name) => typeof named?.[name] !== 'function');
  if (absent.length > 0) throw invalidArgument(`the option files is a file system without ${absent.join('(), ')}()`);
  return given as FileSystem;
}

function orAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  return work.catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
}

function unless(...codes: readonly string[]): (error: unknown) => void {
  return (error) => {
    if (!codes.includes(codeOf(error) ?? '')) throw error;
  };
}

export function codeOf(error: unknown): string | undefined {
  return (error as { readonly code?: string } | undefined)?.code;
}
