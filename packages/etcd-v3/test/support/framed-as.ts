/** Bytes with gRPC's head. `flag`: 1 for a compressed message. */
export function framedAs(flag: 0 | 1, bytes: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}
