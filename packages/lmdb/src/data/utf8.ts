import { isUtf8 } from 'node:buffer';

/** The key as text, or `undefined` where it is not UTF-8. */
export function keyName(key: Uint8Array): string | undefined {
  if (!isUtf8(key)) return undefined;
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString();
}

export function keyBytes(name: string): Buffer {
  return Buffer.from(name);
}
