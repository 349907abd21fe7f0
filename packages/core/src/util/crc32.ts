import * as zlib from 'node:zlib';

// Node's own, from 20.15 on, is some twenty times faster than a table.
const nativeCrc32 = (zlib as { crc32?: (data: Uint8Array, value?: number) => number }).crc32;

/**
 * The CRC-32 of bytes.
 *
 * @param seed what it goes on from: the checksum of what is before
 */
export const crc32: (data: Uint8Array, seed?: number) => number = nativeCrc32 ?? crc32ByTable;

let table: Uint32Array | undefined;

/** @internal Exported for its test: older releases of Node 20 have no `zlib.crc32`. */
export function crc32ByTable(data: Uint8Array, seed = 0): number {
  table ??= Uint32Array.from({ length: 256 }, (_, index) => {
    let remainder = index;
    for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
    return remainder >>> 0;
  });
  let crc = ~seed;
  for (const byte of data) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] ?? 0);
  return ~crc >>> 0;
}
