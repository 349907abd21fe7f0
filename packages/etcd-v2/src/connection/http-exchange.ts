import { constants } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import { StoreError } from '@holdfast/store';
import type { Dispatcher } from 'undici';
import { BodyBuffer } from './body-buffer.js';

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** With the query, percent-encoded. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

/** The first part of an answer. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

export interface HttpResponse extends ResponseHead {
  readonly body: string;
}

export interface ExchangeHandlers {
  /** The answer has begun. For a long poll: the server has registered it. */
  readonly onHead?: ((head: ResponseHead) => void) | undefined;
  onDone(response: HttpResponse): void;
  /** `sent`: the request was written to a connection, at least partly. */
  onFail(error: Error, sent: boolean): void;
}

/**
 * One request and its answer, over undici's lowest interface, because a watch that catches up makes thousands of them a second. Exactly one
 * of `onDone` and `onFail` is called, and neither after `abort`. If a handler throws, `onFail` gets its error, so that no caller waits for
 * ever.
 */
export class HttpExchange implements Dispatcher.DispatchHandler {
  readonly #handlers: ExchangeHandlers;
  readonly #maxBytes: number;
  readonly #body = new BodyBuffer();
  #controller: Dispatcher.DispatchController | undefined;
  #head: ResponseHead = { status: 0, headers: {} };
  #aborted: Error | undefined;
  #over = false;

  /** @param maxBytes the longest body (`maxResponseBytes`) */
  constructor(handlers: ExchangeHandlers, maxBytes: number) {
    this.#handlers = handlers;
    // JavaScript strings can't be longer.
    this.#maxBytes = Math.min(maxBytes, constants.MAX_STRING_LENGTH);
  }

  /** Whether the request was written to a connection, at least partly. */
  get sent(): boolean {
    return this.#controller !== undefined;
  }

  /** Whether it was sent and no part of an answer has come. */
  get isUnanswered(): boolean {
    return this.sent && this.#head.status === 0;
  }

  /** How many bytes of the body have come. */
  get received(): number {
    return this.#body.length;
  }

  /** Ends the exchange here and at the server. No handler is called any more. */
  abort(reason: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#aborted = reason;
    this.#controller?.abort(reason);
  }

  /** Ends the exchange as if the connection had failed. */
  fail(error: Error): void {
    if (this.#over) return;
    const { sent } = this;
    this.abort(error);
    this.#handlers.onFail(error, sent);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Aborted while it waited for a connection: it is not sent at all.
    if (this.#aborted !== undefined) controller.abort(this.#aborted);
    else this.#controller = controller;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (this.#over || status < 200) return;
    this.#head = { status, headers };
    this.#settling(() => {
      this.#handlers.onHead?.(this.#head);
    });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return;
    this.#body.push(chunk);
    if (this.#body.length > this.#maxBytes) this.fail(tooLarge(this.#maxBytes));
  }

  onResponseEnd(): void {
    if (this.#over) return;
    this.#settling(() => {
      const response = { ...this.#head, body: this.#body.take() };
      this.#over = true;
      this.#handlers.onDone(response);
    });
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#handlers.onFail(error, this.sent);
  }

  /** Runs a step that may throw: undici would report the error only to this exchange, which may be over. */
  #settling(step: () => void): void {
    try {
      step();
    } catch (error) {
      const { sent } = this;
      this.abort(error as Error);
      this.#over = true;
      this.#handlers.onFail(error as Error, sent);
    }
  }
}

function tooLarge(maxBytes: number): StoreError {
  return new StoreError(
    'too-large',
    `answered with more than ${maxBytes} bytes: read a smaller range, or raise maxResponseBytes`,
  );
}
