import { notEtcds } from '../json/bad-answer.js';
import { keyOf } from '../json/key-path.js';
import { type HttpFailure, parseMessage, parseV2Error, type V2ErrorBody } from '../errors.js';
import { pointOf, type HistoryPoint } from './history-point.js';
import type { HttpRequest, HttpResponse } from './http-exchange.js';

/** The part of a request that decides which answers count. */
export interface Question {
  readonly method: HttpRequest['method'];
  readonly path: string;
  /** Codes of the keys API that are answers to this call, not errors. */
  readonly expect?: readonly number[] | undefined;
  /** HTTP statuses that are answers to this call, not errors. */
  readonly expectStatus?: readonly number[] | undefined;
}

export type Recognised =
  | { readonly kind: 'success'; readonly point: HistoryPoint }
  /** A refusal with a code that the call expects. */
  | { readonly kind: 'refused'; readonly point: HistoryPoint; readonly refused: V2ErrorBody }
  | { readonly kind: 'failure'; readonly point: HistoryPoint; readonly failure: HttpFailure };

/** The codes of refusals that name a key: the requested one, or a directory above it. */
const NAMES_A_KEY: readonly number[] = [100, 102, 104, 105];

/**
 * Distinguishes etcd's own answers from those of a proxy, a load balancer or another server (docs/traps.md#trap-20). Answers of etcd's keys API
 * have the cluster's id, and all successes and refusals also have the store's index. The members API has the cluster's id. `/version`,
 * `/health` and the statistics have neither, so only their bodies can show it.
 *
 * @throws BadAnswer for a success without the headers of etcd's successes
 */
export function recognise(question: Question, response: HttpResponse): Recognised {
  const point = pointOf(response);
  if (question.path.startsWith('/v2/keys')) return ofKeys(question, response, point);
  return question.path.startsWith('/v2/members')
    ? ofMembers(question, response, point)
    : ofOthers(question, response, point);
}

function ofKeys({ method, path, expect = [] }: Question, response: HttpResponse, point: HistoryPoint): Recognised {
  const { status, body } = response;
  const isEtcds = point.identity !== '';
  const isRead = method === 'GET' || method === 'HEAD';
  if (status === 200 || (status === 201 && !isRead)) {
    if (isEtcds && point.index !== undefined) return { kind: 'success', point };
    throw notEtcds('it has no X-Etcd-Cluster-Id, or no X-Etcd-Index that could be one');
  }
  // An answer to HEAD has no body: only the status shows that a user is refused.
  if (method === 'HEAD' && isEtcds && status === 401) return failed(response, point, 'members');
  const own = isEtcds && status >= 400 ? parseV2Error(body) : undefined;
  if (own === undefined) return failed(response, point, 'other');
  // A refusal of another key answers no call, whether or not the call expects its code: a put knows no "not found".
  if (!isAbout(own, keyOf(path))) return failed(response, point, 'other');
  if (!expect.includes(own.errorCode)) return failed(response, point, 'keys');
  if (point.index === undefined) return failed(response, point, 'other');
  return { kind: 'refused', point, refused: own };
}

function ofMembers({ method, expectStatus = [] }: Question, response: HttpResponse, point: HistoryPoint): Recognised {
  const { status, body } = response;
  const isEtcds = point.identity !== '';
  const success = { GET: 200, HEAD: 200, PUT: 200, POST: 201, DELETE: 204 }[method];
  if (status === success) {
    if (isEtcds) return { kind: 'success', point };
    throw notEtcds('it has no X-Etcd-Cluster-Id');
  }
  const isWorded = parseMessage(body) !== undefined;
  if (isEtcds && isWorded && expectStatus.includes(status)) return { kind: 'success', point };
  // etcd refuses a user who may not change members before it writes the header.
  const isRefusal = status === 401 && isWorded;
  return failed(response, point, (isEtcds && isWorded) || isRefusal ? 'members' : 'other');
}

function ofOthers({ expectStatus = [] }: Question, response: HttpResponse, point: HistoryPoint): Recognised {
  const { status } = response;
  if (status === 200 || expectStatus.includes(status)) return { kind: 'success', point };
  return failed(response, point, 'other');
}

function failed({ status, body }: HttpResponse, point: HistoryPoint, from: HttpFailure['from']): Recognised {
  return { kind: 'failure', point, failure: { status, body, from } };
}

function isAbout({ errorCode, cause }: V2ErrorBody, key: string): boolean {
  if (!NAMES_A_KEY.includes(errorCode) || !cause.startsWith('/')) return true;
  return key === cause || key.startsWith(`${cause}/`);
}
