import { createHash } from 'node:crypto';

export type Content = Iterable<readonly [key: string, value: string | Uint8Array]>;

/** A digest of keys and values: equal if they are equal, in the same order. */
export function digestOf(content: Content): string {
  const hash = createHash('sha256');
  let count = 0;
  for (const [key, value] of content) {
    hash.update(key).update('\0').update(value).update('\n');
    count += 1;
  }
  return `${count}:${hash.digest('hex').slice(0, 32)}`;
}

/** The same for content in any order. */
export function digestSorted(content: Content): string {
  return digestOf([...content].sort(([a], [b]) => (a < b ? -1 : 1)));
}
