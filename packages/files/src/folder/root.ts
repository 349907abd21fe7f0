import { lstat, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { StoreError } from '@holdfast/store';
import { isGone, unavailable } from '../errors.js';

/** The link to the newest folder of a Kubernetes mount (ConfigMap, Secret). Replacing it changes all files at once. */
const DATA = '..data';
/** How often links are followed that change meanwhile. */
const ATTEMPTS = 10;

/** Where the files are at one moment. */
export interface Root {
  /** The folder that has the files, without links in its path. */
  readonly real: string;
  /** The files belong to a Kubernetes mount: they are never changed in place. */
  readonly isMount: boolean;
  /** Another one if the folder was replaced by another folder of the same name. */
  readonly id: string;
}

/**
 * Follows the links to a folder once: everything is then read from there.
 *
 * @throws StoreError `unavailable` where it is not there
 */
export async function resolveRoot(path: string): Promise<Root> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await resolveOnce(path);
    } catch (error) {
      if (error instanceof StoreError) throw error;
      // The kubelet takes an old folder away as soon as the link has been replaced.
      if (!isGone(error) || attempt >= ATTEMPTS || !(await isThere(path))) throw unavailable(path, error);
    }
  }
}

async function resolveOnce(path: string): Promise<Root> {
  const folder = await realpath(path);
  const data = join(folder, DATA);
  const isMount = await isThere(data);
  const real = isMount ? await realpath(data) : folder;
  if (!isInside(real, folder)) {
    throw new StoreError('unavailable', `${data} leads out of the folder, to ${real}; link it to a folder inside`);
  }
  const facts = await stat(real, { bigint: true });
  if (!facts.isDirectory())
    throw new StoreError('unavailable', `${path} is no folder; name one, or a file with entries`);
  return { real, isMount, id: `${facts.dev}:${facts.ino}` };
}

export function isSameRoot(a: Root, b: Root): boolean {
  return a.real === b.real && a.id === b.id;
}

/** Whether a path without links is the folder, or below it. */
export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}
