import { passing } from '@holdfast/etcd-common';
import { isStoreError, type StoreError } from '@holdfast/store';
import { withOutcome } from '@holdfast/store/adapter';
import { asBadAnswer } from '../json/bad-answer.js';
import { connectionMeaning, type HttpMeaning, toAnswerError, toConnectionError, toFailureError } from '../errors.js';
import type { ResolvedOptions } from '../options.js';
import type { Admission } from './admission.js';
import type { Answer, AnswerHead, CallRequest, Failed, Via } from './call.js';
import { carry } from './carry.js';
import type { Endpoint } from './endpoint.js';
import type { HttpRequest, HttpResponse } from './http-exchange.js';
import { httpRequest } from './http-request.js';
import { Introducer } from './introducer.js';
import { meaningAt } from './lacks-v2.js';
import { LinkGone } from './link.js';
import { recognise } from './recognise.js';
import { redact } from './redact.js';

/** How often in a row a connection may end between showing its cluster and the call that it was made for. */
const MOST_GONE = 3;

/** Makes one attempt of a call at one endpoint, over a connection that reaches the store's own cluster, and reads its answer. */
export class Caller {
  readonly #options: ResolvedOptions;
  readonly #admission: Admission;
  readonly #introducer: Introducer;

  constructor(options: ResolvedOptions, admission: Admission) {
    this.#options = options;
    this.#admission = admission;
    this.#introducer = new Introducer(options, admission);
  }

  /**
   * @param header the credentials to send
   * @throws StoreError if no other attempt may be made: the caller gave up, the store closed, or the answer was too long
   */
  async attempt<T>(endpoint: Endpoint, call: CallRequest<T>, header: string | undefined): Promise<Answer<T> | Failed> {
    const http = httpRequest(call, header, this.#options.headers);
    for (let gone = 0; ; gone += 1) {
      let via: Via = { endpoint, header, link: endpoint.take(call.avoid === endpoint) };
      if (call.anyCluster !== true) {
        const shown = await this.#introducer.introduce(via, call);
        if ('error' in shown) return shown;
        if (shown.closes) {
          // There is nothing better than that the server has just shown itself.
          endpoint.discard(via.link);
          via = { ...via, link: endpoint.take(true) };
        }
      }
      const ended = await carry(via, http, call.signal);
      if (!('error' in ended)) return this.#answered(via, call, http, ended.response);
      endpoint.discard(via.link);
      if (ended.error instanceof LinkGone && gone < MOST_GONE) continue;
      return this.#failed(via, call, ended);
    }
  }

  async #answered<T>(
    via: Via,
    call: CallRequest<T>,
    http: HttpRequest,
    response: HttpResponse,
  ): Promise<Answer<T> | Failed> {
    const { endpoint, link } = via;
    const { kind, signal } = call;
    const failed = (error: StoreError, meaning: HttpMeaning): Failed => ({ ...via, error, meaning, reached: true });
    if (call.anyCluster !== true) {
      // A balancer of requests may have passed a write on to another cluster than the question before it.
      const foreign = await this.#admission.told(via, call, response, 'unknown');
      if (foreign !== undefined) return foreign;
    }
    endpoint.release(link);
    try {
      const recognised = recognise(call, response);
      if (recognised.kind === 'failure') {
        const failure = redact(recognised.failure, http);
        const meaning = await meaningAt(endpoint, failure, kind, signal, this.#options.headers);
        return failed(toFailureError(failure, kind, endpoint.name, meaning), meaning);
      }
      // Only a member that is part of a working cluster can answer these.
      if (kind === 'write' || call.quorum === true) endpoint.noteProof(link);
      const { point } = recognised;
      const head: AnswerHead = { ...point, status: response.status, endpoint };
      if (recognised.kind === 'refused') return { ...head, refused: recognised.refused, result: undefined };
      return { ...head, refused: undefined, result: call.parse(response, point) };
    } catch (thrown) {
      if (isStoreError(thrown)) throw thrown;
      const { status, body } = response;
      const error = toAnswerError(
        asBadAnswer(thrown),
        redact({ status, body, from: 'other' }, http),
        kind,
        endpoint.name,
      );
      return failed(error, { ...passing('unknown'), code: error.code });
    }
  }

  /** No answer: the connection failed, somebody gave up, or the answer was too long. */
  #failed<T>(
    via: Via,
    { kind, signal }: CallRequest<T>,
    { error, sent }: { readonly error: Error; readonly sent: boolean },
  ): Failed {
    if (!isStoreError(error)) {
      const told = toConnectionError(error, kind, via.endpoint.name, sent);
      return { ...via, error: told, meaning: connectionMeaning(error, sent), reached: sent };
    }
    // Another attempt is made only if the server was silent.
    const outcome = sent ? 'unknown' : 'not-applied';
    const told = kind === 'write' ? withOutcome(error, outcome) : error;
    if (!error.retryable || signal?.aborted === true) throw told;
    return { ...via, error: told, meaning: { code: error.code, retryable: true, outcome }, reached: sent };
  }
}
