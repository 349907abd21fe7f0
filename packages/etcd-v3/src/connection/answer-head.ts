import type { Metadata } from '@grpc/grpc-js';
import { isGrpc } from '../errors.js';

/** How long a web page in place of an answer may take to end by itself, in milliseconds. Its end shows its HTTP status. */
const GRACE_MS = 100;

/**
 * The head of an answer, which shows whether gRPC gave it. The gRPC library does not check: it takes a web page's first bytes for the
 * length of a message, and waits for the page's end, which may never come while the request is open.
 */
export class AnswerHead {
  readonly #onForeign: () => void;
  /** `undefined` until the head came; empty if it has none. */
  #contentType: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param onForeign called if the answer is not gRPC and does not end by itself */
  constructor(onForeign: () => void) {
    this.#onForeign = onForeign;
  }

  received(contentType: string | undefined): void {
    this.#contentType = contentType ?? '';
    if (!isGrpc(this.#contentType)) this.#timer = setTimeout(this.#onForeign, GRACE_MS).unref();
  }

  /** The call is over. */
  over(): void {
    clearTimeout(this.#timer);
  }

  /**
   * The answer's content type, from its trailers if it has no head of its own. Empty if the head has none. `undefined` if no answer came:
   * then the failure is this process's own.
   */
  contentType(trailers?: Metadata): string | undefined {
    return this.#contentType ?? (trailers && contentTypeOf(trailers));
  }

  /** The error text for a call that was ended because of its head, in place of gRPC's. */
  get foreign(): string {
    return `the answer is ${this.#contentType || 'of no content type'}, not gRPC`;
  }
}

/** The content type in the head or the trailers that gRPC's client tells. */
export function contentTypeOf(metadata: Metadata): string | undefined {
  return metadata.get('content-type')[0]?.toString();
}
