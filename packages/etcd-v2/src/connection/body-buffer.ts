/** The number of chunks that are kept before small ones are joined. */
const MANY = 1_024;
const SMALL = 4_096;

/**
 * A body that is being received. A server can send each byte in a chunk of its own. Kept as such chunks, a body would take a hundred times
 * its length, and a limit on its length would not limit memory.
 */
export class BodyBuffer {
  #length = 0;
  #whole: Buffer[] = [];
  #fresh: Buffer[] = [];
  #freshLength = 0;

  /** In bytes. */
  get length(): number {
    return this.#length;
  }

  push(chunk: Buffer): void {
    this.#length += chunk.length;
    this.#fresh.push(chunk);
    this.#freshLength += chunk.length;
    if (this.#fresh.length >= MANY) this.#settle();
  }

  /** Returns the body as text, and releases it. */
  take(): string {
    const chunks = [...this.#whole, ...this.#fresh];
    this.#whole = [];
    this.#fresh = [];
    const [first] = chunks;
    const body = chunks.length === 1 ? first : Buffer.concat(chunks);
    return body?.toString('utf8') ?? '';
  }

  #settle(): void {
    const isSmall = this.#freshLength < this.#fresh.length * SMALL;
    this.#whole.push(...(isSmall ? [Buffer.concat(this.#fresh)] : this.#fresh));
    this.#fresh = [];
    this.#freshLength = 0;
  }
}
