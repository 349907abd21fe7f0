import { addAbortListener, removeAbortListener } from '@holdfast/store/adapter';
import { HttpExchange, type HttpRequest, type HttpResponse } from './http-exchange.js';
import type { Link } from './link.js';

/** What an answer to a question about the server itself may take, in bytes. */
const MOST = 65_536;

/**
 * Sends one small request over a connection of its own.
 *
 * @throws the signal's reason, or why the connection failed
 */
export function askOnce(link: Link, request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const exchange = new HttpExchange(
      {
        onDone: (response) => {
          removeAbortListener(signal, onAbort);
          resolve(response);
        },
        onFail: (error) => {
          removeAbortListener(signal, onAbort);
          reject(error);
        },
      },
      MOST,
    );
    const onAbort = (): void => {
      exchange.fail(signal.reason as Error);
    };
    addAbortListener(signal, onAbort);
    if (signal.aborted) onAbort();
    else link.send(request, exchange);
  });
}
