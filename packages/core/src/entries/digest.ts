import * as zlib from 'node:zlib';

/**
 * Tells whether two values are the same bytes without keeping them: the CRC-32 and the length, in one number. It is
 * only asked where key, create revision, mod revision and version are equal already, which in one history makes the values
 * equal. After a restore that need not be so (docs/traps.md#trap-17), and there a collision is one in 2^32.
 */
export function digest(bytes: Uint8Array): number {
  // 21 bits of the length: the largest integer that is exact has 53.
  return (bytes.length % 2 ** 21) * 2 ** 32 + crc32(bytes);
}

// Node's own, from 20.15 on, is some twenty times faster than a table.
const nativeCrc32 = (zlib as { crc32?: (data: Uint8Array) => number }).crc32;
const crc32: (data: Uint8Array) => number = nativeCrc32 ?? crc32ByTable;

let table: Uint32Array | undefined;

/** @internal Exported for its test: older releases of Node 20 have no `zlib.crc32`. */
export function crc32ByTable(data: Uint8Array): number {
  table ??= Uint32Array.from({ length: 256 }, (_, index) => {
    let remainder = index;
    for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
    return remainder >>> 0;
  });
  let crc = 0xffffffff;
  for (const byte of data) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] ?? 0);
  return (crc ^ 0xffffffff) >>> 0;
}
