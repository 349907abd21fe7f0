/**
 * How a value's bytes become what the application uses, and the other way round. `decode` throws for bytes it can't read: the mirror then keeps
 * the last good value and lists the key in `problems()`, with the thrown message as the reason.
 */
export interface Codec<T> {
  /** For messages: `'json'`, `'protobuf'`, … */
  readonly name: string;
  /**
   * The bytes are a view that is only good during the call: copy what is kept. Must be synchronous, and give equal
   * results for equal bytes.
   */
  decode(bytes: Uint8Array): T;
  /** Where the value is a text anyway: spares values that are kept as strings the way back to bytes. */
  decodeText?(text: string): T;
  /**
   * The bytes or text of a value, for writes through a mirror: `decode` must read them as an equal value. Must be synchronous; throw for
   * what has no such form. Without it, those writes are `unsupported`.
   */
  encode?(value: T): Uint8Array | string;
}
