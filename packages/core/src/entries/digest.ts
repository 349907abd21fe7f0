import * as zlib from 'node:zlib';

/**
 * A digest of a value, to compare it later without keeping its bytes: the CRC-32 and the length, in one number. It is compared only if
 * key, create revision, mod revision and version are equal. In one history the values are equal then. After a restore they need not be
 * (docs/traps.md#trap-17); then one collision is expected in 2^32.
 */
export function digest(bytes: Uint8Array): number {
  // 21 bits of the length: with the 32 of the checksum that makes 53, the most that a number holds exactly.
  return (bytes.length % 2 ** 21) * 2 ** 32 + crc32(bytes);
}

// Node has one from 20.15 on, some twenty times faster than a table.
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
