// cspell:ignore PGCOPY
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
/** After the signature: flags, and the length of what else there is before the rows. */
const HEADER = SIGNATURE.length + 8;
/** After the last row, in place of a count of columns. */
const TRAILER = Buffer.from([0xff, 0xff]);
const FIRST_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);

/**
 * What a `COPY … TO STDOUT (FORMAT binary)` sends. The memory that it comes to is used again for the next one: only the rows of a whole answer are
 * copied out of it, into memory of just their size.
 */
export class CopiedRows {
  #received: Buffer = NOTHING;
  #length = 0;
  #attempt = 0;
  #rows: Buffer = NOTHING;

  /** Begins anew. Gives where the pieces go: each is good only until the next one comes. */
  begin(): (piece: Uint8Array) => void {
    const attempt = ++this.#attempt;
    this.#length = 0;
    this.#rows = NOTHING;
    return (piece) => {
      // A connection that was given up may still have something to say.
      if (attempt === this.#attempt) this.#add(piece);
    };
  }

  /** Ends with the pieces that came. Gives whether they are a whole answer. */
  end(): boolean {
    const received = this.#received.subarray(0, this.#length);
    if (received.length < HEADER || !received.subarray(0, SIGNATURE.length).equals(SIGNATURE)) return false;
    const start = HEADER + received.readInt32BE(HEADER - 4);
    const end = received.length - TRAILER.length;
    if (start > end || !received.subarray(end).equals(TRAILER)) return false;
    this.#rows = exactly(received.subarray(start, end));
    return true;
  }

  /** Ends with rows that came as hexadecimal digits. */
  endWith(digits: readonly string[]): void {
    const rows = Buffer.allocUnsafeSlow(digits.reduce((sum, { length }) => sum + length / 2, 0));
    rows.write(digits.join(''), 'hex');
    this.#rows = rows;
  }

  /** The rows of the last whole answer, in memory of their own. */
  get rows(): Buffer {
    return this.#rows;
  }

  #add(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#received.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#received.length, length, FIRST_BYTES));
      this.#received.copy(larger, 0, 0, this.#length);
      this.#received = larger;
    }
    this.#received.set(piece, this.#length);
    this.#length = length;
  }
}

function exactly(rows: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(rows.length);
  rows.copy(copy);
  return copy;
}
