import { readSnapshot, type FileSystem, type SnapshotContent } from '@holdfast/core/file-snapshot';
import type { DiskImage } from './disk-state.js';

/** What is in a snapshot on a disk, at one moment; `undefined` where there is none. */
export async function snapshotIn(image: DiskImage, path: string): Promise<SnapshotContent | undefined> {
  return image.has(path) ? readSnapshot(path, { files: filesOf(image) }) : undefined;
}

/** An image as files that can only be read. */
function filesOf(image: DiskImage): FileSystem {
  const isRefused = () => Promise.reject(new Error('an image is only read'));
  return {
    read: async (path) => image.get(path),
    list: async () => [...image.keys()],
    stat: async (path) => {
      const data = image.get(path);
      return data && { id: path, changed: 0, size: data.length };
    },
    ...{ create: isRefused, rename: isRefused, link: isRefused, remove: isRefused },
    ...{ syncFolder: isRefused, makeFolder: isRefused, touch: isRefused },
  };
}
