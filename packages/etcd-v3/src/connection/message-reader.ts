/** Before each message gRPC sends a byte that says whether it is compressed, and its length. */
const HEAD_BYTES = 5;
const COMPRESSED = 1;

/** A message as it was sent. */
export interface SentMessage {
  readonly bytes: Buffer;
  readonly isCompressed: boolean;
}

/** Takes the messages out of a call's bytes, as these come. */
export class MessageReader {
  readonly #maxBytes: number;
  readonly #onMessage: (message: SentMessage) => void;
  /** The first bytes of a message whose rest is still to come. */
  #begun: Buffer[] = [];
  #begunBytes = 0;
  /** The length of that message with its head; of the head alone, until that is known. */
  #wanted = HEAD_BYTES;

  /** @param maxBytes the longest message */
  constructor(maxBytes: number, onMessage: (message: SentMessage) => void) {
    this.#maxBytes = maxBytes;
    this.#onMessage = onMessage;
  }

  /**
   * Takes the next bytes, and hands over each message that they complete. A message that is whole in them is not copied.
   *
   * @throws Error for a message that is too long
   */
  push(bytes: Buffer): void {
    let rest = bytes;
    while (rest.length > 0 && this.#begunBytes + rest.length >= this.#wanted) {
      const begun = this.#begunBytes === 0 ? rest : Buffer.concat([...this.#begun, rest]);
      this.#begun = [];
      this.#begunBytes = 0;
      this.#wanted = HEAD_BYTES + this.#lengthOf(begun);
      rest = begun;
      if (begun.length < this.#wanted) break;
      rest = begun.subarray(this.#wanted);
      this.#wanted = HEAD_BYTES;
      this.#onMessage({
        bytes: begun.subarray(HEAD_BYTES, begun.length - rest.length),
        isCompressed: begun[0] === COMPRESSED,
      });
    }
    if (rest.length === 0) return;
    this.#begun.push(rest);
    this.#begunBytes += rest.length;
  }

  #lengthOf(message: Buffer): number {
    const length = message.readUInt32BE(1);
    if (length <= this.#maxBytes) return length;
    throw new Error(`Received message larger than max (${length} vs ${this.#maxBytes})`);
  }
}
