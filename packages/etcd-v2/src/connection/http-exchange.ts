import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** With the query, percent-encoded. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

/** An answer's first part. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

export interface HttpResponse extends ResponseHead {
  readonly body: string;
}

export interface ExchangeHandlers {
  /** The answer has begun. Of a long poll: the server has registered it. */
  readonly onHead?: ((head: ResponseHead) => void) | undefined;
  onDone(response: HttpResponse): void;
  /** `sent`: the request was written to a connection, at least in part. */
  onFail(error: Error, sent: boolean): void;
}

/**
 * One request and its answer, over undici's lowest interface: a watch that catches up makes thousands of them a second.
 * Exactly one of `onDone` and `onFail` is called, and neither after `abort`.
 */
export class HttpExchange implements Dispatcher.DispatchHandler {
  readonly #handlers: ExchangeHandlers;
  #controller: Dispatcher.DispatchController | undefined;
  #head: ResponseHead = { status: 0, headers: {} };
  #chunks: Buffer[] = [];
  #aborted: Error | undefined;
  #over = false;

  constructor(handlers: ExchangeHandlers) {
    this.#handlers = handlers;
  }

  /** Whether the request was written to a connection, at least in part. */
  get sent(): boolean {
    return this.#controller !== undefined;
  }

  /** Whether it was sent, and nothing of an answer has come. */
  get isUnanswered(): boolean {
    return this.sent && this.#head.status === 0;
  }

  /** Ends it here and at the server. No handler is called any more. */
  abort(reason: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#aborted = reason;
    this.#controller?.abort(reason);
  }

  /** Ends it as if the connection had failed. */
  fail(error: Error): void {
    if (this.#over) return;
    const { sent } = this;
    this.abort(error);
    this.#handlers.onFail(error, sent);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Given up while it waited for a connection: it is not sent at all.
    if (this.#aborted !== undefined) controller.abort(this.#aborted);
    else this.#controller = controller;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (this.#over || status < 200) return;
    this.#head = { status, headers };
    this.#handlers.onHead?.(this.#head);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#over) this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#over) return;
    this.#over = true;
    const [first] = this.#chunks;
    const body = this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#handlers.onDone({ ...this.#head, body: body?.toString('utf8') ?? '' });
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#chunks = [];
    this.#handlers.onFail(error, this.sent);
  }
}
