import { passing } from '@holdfast/etcd-common';
import { isStoreError, StoreError } from '@holdfast/store';
import { withOutcome, withTimeLimit } from '@holdfast/store/adapter';
import { connectionMeaning, toConnectionError, toFailureError } from '../errors.js';
import type { ResolvedOptions } from '../options.js';
import type { Admission } from './admission.js';
import type { CallRequest, Failed, Via } from './call.js';
import { carry } from './carry.js';
import { pointOf } from './history-point.js';
import type { HttpResponse } from './http-exchange.js';
import { httpRequest } from './http-request.js';
import { introduces, introductionPath, LEADER_PATH } from './introduction.js';
import { meaningAt } from './lacks-v2.js';
import { redact } from './redact.js';

type Options = Pick<ResolvedOptions, 'clock' | 'connectMs' | 'endpoints' | 'headers'>;
type Call = Pick<CallRequest<unknown>, 'method' | 'path' | 'kind' | 'signal'>;

/** The least that a server is given to answer a small read, in milliseconds. */
const MIN_ANSWER_MS = 1_000;

/** Has a connection show what it must have shown before it carries a call: its cluster, and sometimes that it has a leader. */
export class Introducer {
  readonly #options: Options;
  readonly #admission: Admission;

  constructor(options: Options, admission: Admission) {
    this.#options = options;
    this.#admission = admission;
  }

  /**
   * Gives up the connection where that fails: the call was not sent then. `closes`: the server ends each connection after one
   * answer.
   *
   * @throws StoreError where no other attempt is to be made
   */
  async introduce(via: Via, call: Call): Promise<Failed | { readonly closes: boolean }> {
    const { endpoint, link } = via;
    // In place of one that failed there may be another to the same member, which would let a call wait for seconds.
    if (endpoint.health.mayLackLeader && !link.isOpen) {
      const failed = await this.#findLeader(via, call);
      if (failed !== undefined) return failed;
    }
    if (introduces(call) || this.#admission.isShown(link)) return { closes: false };
    const path = introductionPath(call.path);
    // First without a user: etcd's refusal tells as much, and costs it no bcrypt. A proxy may want one before it asks etcd.
    let response = await this.#ask({ ...via, header: undefined }, path, call);
    const isTold = 'error' in response || pointOf(response).identity !== '';
    if (!isTold && via.header !== undefined && !link.isGone) response = await this.#ask(via, path, call);
    if ('error' in response) return response;
    if (pointOf(response).identity === '') return this.#notEtcds(via, path, call, response);
    const foreign = await this.#admission.told(via, call, response, 'not-applied');
    return foreign ?? { closes: response.headers['connection']?.toLowerCase() === 'close' };
  }

  async #findLeader(via: Via, call: Call): Promise<Failed | undefined> {
    const response = await this.#ask({ ...via, header: undefined }, LEADER_PATH, call);
    if ('error' in response) return response;
    const foreign = await this.#admission.told(via, call, response, 'not-applied');
    // A proxy that knows only the keys API says nothing of a leader.
    if (foreign !== undefined || response.status !== 503 || pointOf(response).identity === '') return foreign;
    const { endpoint, link } = via;
    endpoint.discard(link);
    const message = `${endpoint.name}: the member knows of no leader`;
    return unsent(via, call, new StoreError('unavailable', message, { endpoint: endpoint.name }));
  }

  /** A small read. An answer is due soon, as a connection is, so that time is left for other endpoints. */
  async #ask(via: Via, path: string, call: Call): Promise<HttpResponse | Failed> {
    const { clock, connectMs, endpoints, headers } = this.#options;
    const { endpoint, link, header } = via;
    const { name } = endpoint;
    const limitMs = Math.min(connectMs, Math.max(MIN_ANSWER_MS, connectMs / endpoints.length));
    const late = (): StoreError =>
      new StoreError('unavailable', `${name}: no answer within ${limitMs} ms (timeouts.connectMs)`, { endpoint: name });
    const ended = await withTimeLimit(
      { clock, ms: limitMs, signal: call.signal, late, isPatient: true },
      ({ signal: limited }) => carry(via, httpRequest({ method: 'GET', path }, header, headers), limited),
    );
    if (!('error' in ended)) return ended.response;
    endpoint.discard(link);
    const { error, sent } = ended;
    if (!isStoreError(error)) {
      const meaning = connectionMeaning(error, false);
      return { ...unsent(via, call, toConnectionError(error, 'read', name, sent)), meaning, reached: sent };
    }
    const failed = unsent(via, call, error);
    if (call.signal?.aborted === true || !error.retryable) throw failed.error;
    return { ...failed, reached: sent };
  }

  async #notEtcds(via: Via, path: string, call: Call, response: HttpResponse): Promise<Failed> {
    const { endpoint, link, header } = via;
    const { headers } = this.#options;
    endpoint.release(link);
    const { status, body } = response;
    const failure = redact({ status, body, from: 'other' }, httpRequest({ method: 'GET', path }, header, headers));
    const meaning = await meaningAt(endpoint, failure, 'read', call.signal, headers);
    const failed = unsent(via, call, toFailureError(failure, 'read', endpoint.name, meaning));
    return { ...failed, meaning: { ...meaning, outcome: 'not-applied' } };
  }
}

function unsent(via: Via, { kind }: Pick<Call, 'kind'>, error: StoreError): Failed {
  const told = kind === 'write' ? withOutcome(error, 'not-applied') : error;
  return { ...via, error: told, meaning: passing('not-applied'), reached: true };
}
