import { isStoreError, StoreError } from '@holdfast/store';
import { asBadAnswer, notEtcds } from '../json/bad-answer.js';
import { toAnswerError, toConnectionError, toFailureError } from '../errors.js';
import type { Admission } from './admission.js';
import type { Endpoint } from './endpoint.js';
import { pointOf, type HistoryPoint } from './history-point.js';
import type { HttpExchange, HttpRequest, HttpResponse, ResponseHead } from './http-exchange.js';
import { LinkGone } from './link.js';
import { recognise } from './recognise.js';
import { redact } from './redact.js';

export interface PollHandlers {
  /** The server has taken the request. Its answer may have arrived already, or come in a year. */
  onWaiting(point: HistoryPoint): void;
  onAnswer(point: HistoryPoint, body: string): void;
  /** `header`: the request's credentials. */
  onFail(error: StoreError, header: string | undefined): void;
}

export interface Poll {
  abort(): void;
}

/** What is waited for. */
export interface PollQuestion {
  /** Of a key or a directory, percent-encoded and without a query. */
  readonly path: string;
  readonly recursive: boolean;
  /** The index of the first event that is wanted. */
  readonly from: number;
}

export interface PollSetup extends Pick<PollQuestion, 'from'> {
  readonly endpoint: Endpoint;
  readonly request: HttpRequest;
  /** The request's credentials. */
  readonly header: string | undefined;
  readonly admission: Admission;
  /** Whether to use a new connection. */
  readonly fresh: boolean;
}

const POLL_OVER = new StoreError('aborted', 'the poll is not needed any more');
/** The most new connections to another cluster that a poll tries: both clusters may stand behind one name. */
const MOST_FOREIGN = 3;
/** How many questions of the keepalive an answer that is not taken may last. */
const FOREIGN_ROUNDS = 3;

/** One long poll at one endpoint. Exactly one of `onAnswer` and `onFail` is called. */
export function startPoll(
  { endpoint, request, from, header, admission, fresh }: PollSetup,
  handlers: PollHandlers,
): Poll {
  let current: HttpExchange | undefined;
  let limit = (): void => undefined;
  const begin = (isFresh: boolean, foreign: number): void => {
    const link = endpoint.take(isFresh);
    /** Set where the answer is etcd's, and there was no refusal. */
    let taken: HistoryPoint | undefined;
    const exchange = endpoint.startPoll(link, request, {
      onHead: (head) => {
        const point = pointOf(head);
        const refusal = admission.heard(endpoint, link, point.identity);
        if (refusal !== undefined) {
          endpoint.abort(exchange, POLL_OVER);
          endpoint.drop(link);
          if (foreign < MOST_FOREIGN) begin(true, foreign + 1);
          else handlers.onFail(refusal, header);
          return;
        }
        if (!isTaken(head, point)) {
          // A refusal, or somebody else's answer: its body says which. It need not ever end.
          limit = boundByRounds(endpoint, () => {
            endpoint.abort(exchange, POLL_OVER);
            endpoint.drop(link);
            handlers.onFail(unfinished(endpoint), header);
          });
          return;
        }
        taken = point;
        handlers.onWaiting(point);
      },
      onDone: (response) => {
        limit();
        endpoint.release(link);
        if (taken === undefined) handlers.onFail(errorOf(request, response, endpoint), header);
        else {
          if (hasWaited(taken, from)) endpoint.noteProof(link);
          handlers.onAnswer(taken, response.body);
        }
      },
      onFail: (error, sent) => {
        limit();
        endpoint.discard(link);
        if (error instanceof LinkGone) begin(true, foreign);
        else if (isStoreError(error)) handlers.onFail(error, header);
        else {
          endpoint.markUnhealthy(link);
          handlers.onFail(toConnectionError(error, 'read', endpoint.name, sent), header);
        }
      },
    });
    current = exchange;
  };
  begin(fresh, 0);
  return {
    abort: () => {
      limit();
      if (current !== undefined) endpoint.abort(current, POLL_OVER);
    },
  };
}

/** Whether its event came after the request: a member that lags behind answers with old ones. */
function hasWaited({ index }: HistoryPoint, from: number): boolean {
  return index !== undefined && index < from;
}

/** Calls back after some of the keepalive's questions; gives what prevents it. */
function boundByRounds(endpoint: Endpoint, onLate: () => void): () => void {
  let left = FOREIGN_ROUNDS;
  const off = endpoint.onRound(() => {
    left -= 1;
    if (left > 0) return;
    off();
    onLate();
  });
  return off;
}

function unfinished({ name }: Endpoint): StoreError {
  return new StoreError(
    'unavailable',
    `${name} began an answer to a long poll that is not etcd's, and does not end it`,
    {
      endpoint: name,
    },
  );
}

/** As {@link recognise} has it, for what comes a thousand times a second. */
function isTaken({ status }: ResponseHead, { identity, index }: HistoryPoint): boolean {
  return status === 200 && identity !== '' && index !== undefined;
}

function errorOf(request: HttpRequest, response: HttpResponse, endpoint: Endpoint): StoreError {
  const { status, body } = response;
  try {
    const recognised = recognise(request, response);
    if (recognised.kind === 'failure')
      return toFailureError(redact(recognised.failure, request), 'read', endpoint.name);
    throw notEtcds('it is none to a long poll');
  } catch (thrown) {
    return toAnswerError(asBadAnswer(thrown), redact({ status, body, from: 'other' }, request), 'read', endpoint.name);
  }
}
