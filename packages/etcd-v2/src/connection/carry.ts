import { addAbortListener, removeAbortListener } from '@holdfast/store/adapter';
import type { Via } from './call.js';
import type { HttpExchange, HttpRequest, HttpResponse } from './http-exchange.js';

/** How one request ended. `sent`: it was written to the connection, at least in part. */
export type Ended = { readonly response: HttpResponse } | { readonly error: Error; readonly sent: boolean };

/** Sends one request over a connection, and gives it up when the signal aborts. Never rejects. */
export function carry(
  { endpoint, link }: Pick<Via, 'endpoint' | 'link'>,
  request: HttpRequest,
  signal: AbortSignal | undefined,
): Promise<Ended> {
  return new Promise((resolve) => {
    let exchange: HttpExchange | undefined = undefined;
    const onAbort = (): void => {
      if (exchange === undefined) return;
      const reason = signal?.reason as Error;
      const { sent } = exchange;
      endpoint.abort(exchange, reason);
      resolve({ error: reason, sent });
    };
    addAbortListener(signal, onAbort);
    exchange = endpoint.start(link, request, {
      onDone: (response) => {
        removeAbortListener(signal, onAbort);
        resolve({ response });
      },
      onFail: (error, sent) => {
        removeAbortListener(signal, onAbort);
        resolve({ error, sent });
      },
    });
    if (signal?.aborted === true) onAbort();
  });
}
