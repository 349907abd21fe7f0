import { isStoreError, StoreError } from '@holdfast/store';
import { BadAnswer } from '../json/bad-answer.js';
import { toAnswerError, toConnectionError, toStoreError } from '../errors.js';
import type { Endpoint } from './endpoint.js';
import { pointOf, type HistoryPoint } from './history-point.js';
import type { HttpRequest, HttpResponse, ResponseHead } from './http-exchange.js';
import { recognise } from './recognise.js';

export interface PollHandlers {
  /** The server has taken the request; its answer may be there already, or come in a year. */
  onWaiting(point: HistoryPoint): void;
  onAnswer(point: HistoryPoint, body: string): void;
  /** `header`: the credentials that the request had. */
  onFail(error: StoreError, header: string | undefined): void;
}

export interface Poll {
  abort(): void;
}

const POLL_OVER = new StoreError('aborted', 'the poll is not needed any more');

/** One long poll at one endpoint. Exactly one of `onAnswer` and `onFail` is called, whatever the server answers. */
export function startPoll(
  endpoint: Endpoint,
  request: HttpRequest,
  header: string | undefined,
  handlers: PollHandlers,
): Poll {
  const exchange = endpoint.start(request, {
    onHead: (head) => {
      // Somebody else's answer is told when it is complete.
      if (isTaken(request, head)) handlers.onWaiting(pointOf(head));
    },
    onDone: (response) => {
      const ended = endOf(request, response, endpoint);
      if ('error' in ended) handlers.onFail(ended.error, header);
      else handlers.onAnswer(ended.point, response.body);
    },
    onFail: (error, sent) => {
      if (!isStoreError(error)) endpoint.markUnhealthy();
      handlers.onFail(isStoreError(error) ? error : toConnectionError(error, 'read', endpoint.name, sent), header);
    },
  });
  return {
    abort: () => {
      endpoint.abort(exchange, POLL_OVER);
    },
  };
}

function isTaken(request: HttpRequest, head: ResponseHead): boolean {
  try {
    return recognise(request, { ...head, body: '' }).kind === 'success';
  } catch {
    return false;
  }
}

function endOf(
  request: HttpRequest,
  response: HttpResponse,
  endpoint: Endpoint,
): { readonly point: HistoryPoint } | { readonly error: StoreError } {
  try {
    const recognised = recognise(request, response);
    if (recognised.kind === 'failure') return { error: toStoreError(recognised.failure, 'read', endpoint.name) };
    return { point: recognised.point };
  } catch (bad) {
    if (!(bad instanceof BadAnswer)) throw bad;
    const { status, body } = response;
    return { error: toAnswerError(bad, { status, body, from: 'other' }, 'read', endpoint.name) };
  }
}
