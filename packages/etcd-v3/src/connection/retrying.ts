import { errorOf } from '@holdfast/etcd-common';
import { isStoreError, type Logger, type StoreError } from '@holdfast/store';
import {
  Backoff,
  beforeSent,
  type CallKind,
  messageOf,
  noteEndpoint,
  noteFailure,
  sleep,
  withOutcome,
} from '@holdfast/store/adapter';
import { type GrpcMeaning, meaningOf, toFailureError, UNUSABLE } from '../errors.js';
import type { ResolvedOptions } from '../options.js';
import type { Answer, Attempted, UnaryOptions } from './attempt.js';
import type { Authenticator } from './authenticator.js';
import type { Endpoint } from './endpoint.js';
import type { Endpoints, Reached } from './endpoints.js';
import { judge } from './retry.js';

export interface RetryingOptions extends Pick<ResolvedOptions, 'retry' | 'random' | 'clock' | 'logger'> {
  /** Whether the store is known to have a revision. */
  readonly exists: (revision: number) => boolean;
}

/** A failed attempt in the contract's terms. */
interface Failed {
  readonly meaning: GrpcMeaning;
  readonly error: StoreError;
}

/** The delay between two attempts that both met a change of users or roles, in milliseconds. Getting a token takes time too. */
const RENEW_MS = { initialMs: 20, maxMs: 250 };

const FOREIGN: GrpcMeaning = { code: 'unavailable', retryable: true, outcome: 'not-applied' };

/** Tries a call until it is answered or must not be retried. Chooses the endpoint, the token and the time of each attempt. */
export class Retrying {
  readonly #endpoints: Endpoints;
  readonly #authenticator: Authenticator;
  readonly #options: RetryingOptions;
  readonly #logger: Logger;

  constructor(endpoints: Endpoints, authenticator: Authenticator, options: RetryingOptions) {
    this.#endpoints = endpoints;
    this.#authenticator = authenticator;
    this.#options = options;
    this.#logger = options.logger;
  }

  /** @throws StoreError, with an outcome if it is a write. */
  async run<Response>(
    { kind, signal, endpoint: only, avoid, revision }: UnaryOptions,
    attempt: (reached: Reached) => Promise<Attempted<Response>>,
  ): Promise<Answer<Response>> {
    // Nearly all calls are answered at the first attempt: they take nothing that only the others need.
    let reached = only === undefined && avoid === undefined ? this.#endpoints.settled : undefined;
    let result = reached && (await attempt(reached));
    if (reached !== undefined && result?.status === 'answered') return this.#answered(reached, result.response, signal);
    const { retry, random, clock } = this.#options;
    const among = only === undefined ? this.#endpoints.all : this.#endpoints.all.filter(({ name }) => name === only);
    const backoff = new Backoff({ ...retry, random });
    const renewals = new Backoff({ ...RENEW_MS, random });
    const tried = new Set(avoid === undefined ? [] : [avoid]);
    let renewed = this.#authenticator.hasUser ? false : undefined;
    let last: StoreError | undefined;
    for (let made = 1; ;) {
      if (reached === undefined || result === undefined) {
        reached = await this.#reach(among, tried, signal, kind, last);
        result = await attempt(reached);
      }
      const { endpoint } = reached;
      if (result.status === 'answered') return this.#answered(reached, result.response, signal);
      if (result.status === 'over') {
        throw kind === 'read' ? result.error : withOutcome(result.error, result.sent ? 'unknown' : 'not-applied');
      }
      const { meaning, error } = this.#lagging(failedBy(result, kind, endpoint), revision);
      last = error;
      noteFailure(signal, error);
      if (meaning.unhealthy === true) this.markUnhealthy(reached, last);
      tried.add(endpoint.name);
      const others = among.some((other) => other.health.isGood && !tried.has(other.name));
      switch (judge(meaning, kind, { made, most: retry.attempts, renewed, others })) {
        case 'fail':
          throw last;
        case 'renew-token':
          renewed = true;
          this.#renew(result, meaning);
          tried.delete(endpoint.name);
          made += 1;
          break;
        case 'renew-token-later':
          this.#renew(result, meaning);
          tried.delete(endpoint.name);
          await beforeSent(kind, sleep(clock, renewals.next(), signal));
          break;
        case 'elsewhere':
          made += 1;
          break;
        case 'later':
          tried.clear();
          made += 1;
          await beforeSent(kind, sleep(clock, backoff.next(), signal));
      }
      this.#logger.debug(`an etcd call is tried again, after ${endpoint.name} failed: ${messageOf(last)}`, {
        endpoint: endpoint.name,
        error: last,
      });
      reached = result = undefined;
    }
  }

  #answered<Response>({ endpoint }: Reached, response: Response, signal: AbortSignal | undefined): Answer<Response> {
    endpoint.health.answered();
    noteEndpoint(signal, endpoint.name);
    return { response, endpoint: endpoint.name };
  }

  #renew(result: Attempted<unknown>, { staleToken }: GrpcMeaning): void {
    if (result.status !== 'failed') return;
    if (staleToken === true) this.#authenticator.dropStale(result.caller);
    else this.#authenticator.drop(result.caller);
  }

  /** A member that does not know a revision which the store has lags behind; any other member can serve. */
  #lagging({ meaning, error }: Failed, revision: number | undefined): Failed {
    if (meaning.code !== 'future-revision' || revision === undefined || !this.#options.exists(revision)) {
      return { meaning, error };
    }
    return { meaning: { ...meaning, code: 'unavailable', retryable: true, unhealthy: true }, error };
  }

  /** An endpoint's member is in trouble: prefers others, or, if there are none, another connection. */
  markUnhealthy({ endpoint, channel }: Partial<Reached> & Pick<Reached, 'endpoint'>, cause: StoreError): void {
    this.#logger.warn(`etcd endpoint ${endpoint.name} failed; others are preferred for a while: ${cause.message}`, {
      endpoint: endpoint.name,
      error: cause,
    });
    endpoint.health.failed();
    const current = channel ?? endpoint.ready;
    const isAlone = !this.#endpoints.all.some((other) => other !== endpoint && other.health.isGood);
    if (isAlone && current !== undefined) endpoint.replace(current);
  }

  async #reach(
    among: readonly Endpoint[],
    tried: ReadonlySet<string>,
    signal: AbortSignal | undefined,
    kind: CallKind,
    last: StoreError | undefined,
  ): Promise<Reached> {
    try {
      return await beforeSent(kind, this.#endpoints.acquire({ avoid: tried, among, signal }));
    } catch (error) {
      // If no other member can be asked, the first one's answer stands.
      if (last?.code === 'future-revision' && isStoreError(error, 'unavailable')) throw last;
      throw error;
    }
  }
}

function failedBy(
  result: Exclude<Attempted<unknown>, { status: 'answered' | 'over' }>,
  kind: CallKind,
  endpoint: Endpoint,
): Failed {
  if (result.status === 'foreign') {
    const outcome = result.sent ? 'unknown' : 'not-applied';
    const error = kind === 'write' ? withOutcome(result.error, outcome) : result.error;
    return { meaning: { ...FOREIGN, outcome }, error };
  }
  if (result.status === 'unusable') return { meaning: UNUSABLE, error: unusable(result.error, kind, endpoint) };
  const meaning = meaningOf(result.failure);
  const error = toFailureError(result.failure, kind, endpoint.name);
  if (result.sent) return { meaning, error };
  return {
    meaning: { ...meaning, outcome: 'not-applied' },
    error: kind === 'write' ? withOutcome(error, 'not-applied') : error,
  };
}

/** The call did reach the server: what became of a write is not known. */
function unusable(cause: StoreError, kind: CallKind, { name }: Endpoint): StoreError {
  return errorOf(UNUSABLE, kind, { endpoint: name, said: cause.message, cause });
}
