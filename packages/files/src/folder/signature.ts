import type { BigIntStats } from 'node:fs';

/** What the file system tells of a file. `ctime` can't be set by anybody, so an older file in its place is noticed too. */
export function signatureOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
}
