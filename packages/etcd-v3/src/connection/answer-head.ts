import type { Metadata } from '@grpc/grpc-js';
import { isGrpc } from '../errors.js';

/** How long a page in place of an answer may take to end by itself, which tells its HTTP status; in milliseconds. */
const GRACE_MS = 100;

/**
 * What the head of an answer says of who gave it. gRPC looks at nothing of it: it waits for the end of a web page, which need not
 * come while the request is open, and takes the page's first bytes for the length of a message.
 */
export class AnswerHead {
  readonly #onForeign: () => void;
  #head: Metadata | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param onForeign called where the answer is not gRPC and does not end by itself */
  constructor(onForeign: () => void) {
    this.#onForeign = onForeign;
  }

  received(head: Metadata): void {
    this.#head = head;
    if (!isGrpc(this.contentType())) this.#timer = setTimeout(this.#onForeign, GRACE_MS);
  }

  /** The call is over. */
  over(): void {
    clearTimeout(this.#timer);
  }

  /**
   * The answer's content type: from its trailers where it has no head of its own. Empty where the head has none; `undefined` where
   * no answer came, which is how failures of this process are known.
   */
  contentType(trailers?: Metadata): string | undefined {
    const [type] = (this.#head ?? trailers)?.get('content-type') ?? [];
    return type?.toString() ?? (this.#head === undefined ? undefined : '');
  }

  /** In place of what gRPC says of a call that was ended because of its head. */
  get foreign(): string {
    return `the answer is ${this.contentType() || 'of no content type'}, not gRPC`;
  }
}
