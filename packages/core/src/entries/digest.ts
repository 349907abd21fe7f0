import { crc32 } from '../util/crc32.js';

/**
 * Tells whether two values are the same bytes without keeping them: the CRC-32 and the length, in one number. It is
 * only asked where key, create revision, mod revision and version are equal already, which in one history makes the values
 * equal. After a restore that need not be so (docs/traps.md#trap-17), and there a collision is one in 2^32.
 */
export function digest(bytes: Uint8Array): number {
  // 21 bits of the length: the largest integer that is exact has 53.
  return (bytes.length % 2 ** 21) * 2 ** 32 + crc32(bytes);
}
