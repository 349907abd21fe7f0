import { randomUUID } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { link, lstat, open, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { codeOf, isGone } from '../errors.js';

/** Paths as bytes, each as one character: some are no UTF-8. */
export type BytePath = string;
export const toBytes = (path: BytePath): Buffer => Buffer.from(path, 'latin1');

/** How a file takes its place. */
export type Placing = 'replace' | 'create';

/** What tells a file that was written from one that has taken its place since. */
export type Identity = Pick<BigIntStats, 'dev' | 'ino' | 'size' | 'mtimeNs'>;

/**
 * Writes a file so that its readers find the old one or the new one, whole: a temporary file in the same folder, flushed, then renamed, and the
 * folder flushed.
 *
 * @param placing `'create'`: only where no file of that name is there
 * @param onPlaced called when the file has its name: from then on a failure leaves it there
 * @returns which file it is
 * @throws what the file system says; `EEXIST` for `'create'`
 */
export async function writeWhole(
  path: BytePath,
  content: Uint8Array,
  placing: Placing,
  onPlaced: () => void,
): Promise<Identity> {
  const folder = dirname(path);
  let identity: Identity;
  const temporary = join(folder, `.holdfast-${randomUUID()}.tmp`);
  try {
    const old = placing === 'replace' ? await factsOf(path) : undefined;
    const mode = old && Number(old.mode) & 0o777;
    // Nobody may open it who could not open the old one.
    const file = await open(toBytes(temporary), 'wx', mode === undefined ? 0o666 : mode & 0o600);
    try {
      if (old !== undefined) await giveTo(file, old);
      if (mode !== undefined) await file.chmod(mode);
      await file.writeFile(content);
      await file.sync();
      identity = await file.stat({ bigint: true });
    } finally {
      await file.close();
    }
    if (placing === 'replace') await rename(toBytes(temporary), toBytes(path));
    else await createFrom(temporary, path);
    onPlaced();
  } finally {
    await removeFile(temporary);
  }
  await syncFolder(folder);
  return identity;
}

/** Deletes a file, if it is there, and leaves the flush to the caller. */
export async function removeFile(path: BytePath): Promise<void> {
  try {
    await unlink(toBytes(path));
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** Makes what happened in a folder last. */
export async function syncFolder(folder: BytePath): Promise<void> {
  let file;
  try {
    file = await open(toBytes(folder), 'r');
  } catch (error) {
    // Windows opens no folders.
    if (['EISDIR', 'EPERM'].includes(codeOf(error))) return;
    throw error;
  }
  try {
    await file.sync();
  } catch (error) {
    // Some file systems flush no folders.
    if (!['EINVAL', 'EPERM', 'ENOTSUP', 'EISDIR'].includes(codeOf(error))) throw error;
  } finally {
    await file.close();
  }
}

/** Of the file that is replaced: whoever could read it can read the new one. */
async function factsOf(path: BytePath): Promise<BigIntStats | undefined> {
  try {
    return await stat(toBytes(path), { bigint: true });
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** A file keeps its owner where this process may give files away. */
async function giveTo(file: FileHandle, { uid, gid }: BigIntStats): Promise<void> {
  try {
    const own = await file.stat({ bigint: true });
    if (own.uid !== uid || own.gid !== gid) await file.chown(Number(uid), Number(gid));
  } catch (error) {
    if (!['EPERM', 'EINVAL', 'ENOTSUP', 'ENOSYS'].includes(codeOf(error))) throw error;
  }
}

/** A second name fails where one is there, and a rename does not. */
async function createFrom(temporary: BytePath, path: BytePath): Promise<void> {
  try {
    await link(toBytes(temporary), toBytes(path));
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EOPNOTSUPP'].includes(codeOf(error))) throw error;
    // No file system of this kind has second names.
    if (await isThere(path)) throw Object.assign(new Error(`EEXIST: ${basename(path)} exists`), { code: 'EEXIST' });
    await rename(toBytes(temporary), toBytes(path));
  }
}

export async function isThere(path: BytePath): Promise<boolean> {
  try {
    await lstat(toBytes(path));
    return true;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}
