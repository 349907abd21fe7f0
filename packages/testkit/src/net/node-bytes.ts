/** A `Buffer` where Node's types are loaded, and a `Uint8Array` otherwise: these types compile without `@types/node`. */
export type NodeBytes = typeof globalThis extends { Buffer: { isBuffer(value: unknown): value is infer B } }
  ? B & Uint8Array
  : Uint8Array;
