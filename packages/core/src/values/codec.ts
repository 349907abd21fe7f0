/**
 * Turns a value's bytes into the application's value. `decode` throws for bytes that it can't read. The mirror then keeps the last good
 * value, and lists the key in `problems()` with the thrown message as the reason (promise M5).
 */
export interface Codec<T> {
  /** For messages: `'json'`, `'protobuf'`, … */
  readonly name: string;
  /**
   * Decodes a value. The bytes are a view that is valid only during the call: copy what you keep. It must be synchronous, and give
   * equal results for equal bytes.
   */
  decode(bytes: Uint8Array): T;
  /** Decodes a value that is held as a string already, without going back to bytes. Optional; for codecs of text. */
  decodeText?(text: string): T;
}
