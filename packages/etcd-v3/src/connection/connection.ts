import { StoreError } from '@holdfast/store';
import type { IRangeRequest } from 'etcd3';
import type { KeyRange } from '@holdfast/store/adapter';
import { IdentityCensus, parseEndpoint } from '@holdfast/etcd-common';
import { accepted } from './accept.js';
import { Admission } from './admission.js';
import type { Accept, Answer, Attempted, UnaryOptions } from './attempt.js';
import { Authenticator } from './authenticator.js';
import { Calls } from './calls.js';
import { meaningOf } from '../errors.js';
import { answerPoint } from '../protobuf/answer-point.js';
import { checkHeader, decodeHeader } from '../protobuf/header.js';
import { rangeBounds } from '../protobuf/range.js';
import { Endpoints } from './endpoints.js';
import type { EtcdChannel } from './etcd-channel.js';
import type { ResolvedOptions } from '../options.js';
import { RangeCall } from './range-call.js';
import { readServedVersions, type ServedVersions } from './http-version.js';
import { askAs, probe } from './probe.js';
import { Retrying } from './retrying.js';
import { MEMBER_HEADER, RANGE, STATUS, type Rpc } from './rpc.js';
import { SignIn } from './sign-in.js';
import type { LinearizableHead, WatchCall, WatchCallHandlers, WatchTransport } from './transport.js';
import { isOwnDenial, versionEvidence, type VersionEvidence } from './version-evidence.js';

/**
 * The most that a store waits at its beginning for endpoints that do not answer, in milliseconds, and as a share of the time for a
 * connection, of which it is a part. A busy server takes long to check a password, and without the others' answers the store might follow
 * the one foreign endpoint that was quicker.
 */
const START = { mostMs: 3_000, share: 0.6 };

/**
 * The store's way to the cluster: which endpoints there are, which cluster counts, and all calls. {@link Calls} tries a call
 * once, {@link Retrying} says whether it is tried again.
 */
export class Connection implements WatchTransport {
  readonly #options: ResolvedOptions;
  readonly #endpoints: Endpoints;
  readonly #authenticator: Authenticator;
  readonly #census: IdentityCensus;
  readonly #calls: Calls;
  readonly #retrying: Retrying;
  readonly #closing = new AbortController();
  /** The highest revision that any answer told: members that don't know it lag behind. */
  #revision = 0;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    const authenticator: Authenticator = new Authenticator({
      ...options,
      authenticate: (request) => signIn.token(request, authenticator.anonymous, this.#closing.signal),
    });
    const endpoints: Endpoints = new Endpoints(options.endpoints, {
      ...options,
      admit: (endpoint, channel) => admission.admit(endpoint, channel, authenticator.anonymous.metadata),
    });
    const retrying = new Retrying(endpoints, authenticator, {
      ...options,
      exists: (revision) => revision <= this.#revision,
    });
    this.#census = this.#makeCensus();
    const admission = new Admission(this.#census, options.clock);
    const calls = new Calls({
      clock: options.clock,
      authenticator,
      admission,
      onTrouble: (reached, cause) => {
        retrying.markUnhealthy(reached, cause);
      },
      onRevision: (revision) => {
        if (revision > this.#revision) this.#revision = revision;
      },
    });
    const signIn = new SignIn(endpoints, retrying, calls);
    this.#authenticator = authenticator;
    this.#endpoints = endpoints;
    this.#retrying = retrying;
    this.#calls = calls;
  }

  get identity(): string | undefined {
    return this.#census.identity.known;
  }

  /** Takes an identity as known, unless one is. Returns whether it is the known one. */
  assumeIdentity(identity: string): boolean {
    this.#census.identity.assume(identity);
    return this.#census.identity.known === identity;
  }

  /**
   * One request, and what `accept` makes of its answer. An answer that is not accepted is a failed attempt.
   *
   * @throws StoreError, with an outcome where it is a write.
   */
  async unary<Request, Response, T>(
    rpc: Rpc<Request, Response>,
    request: Request,
    options: UnaryOptions,
    accept: Accept<Response, T>,
  ): Promise<Answer<T>> {
    return this.#retrying.run(options, async (reached) =>
      accepted(await this.#calls.unary(reached, rpc, request, options.signal), accept),
    );
  }

  /** One request on a stream, and the first answer that `pick` wants; the stream is then cancelled. */
  async exchange<Request, Response, T>(
    rpc: Rpc<Request, Response>,
    request: Request,
    pick: (response: Response) => T | undefined,
    options: UnaryOptions,
  ): Promise<Answer<T>> {
    return this.#retrying.run(options, (reached) =>
      this.#calls.exchange(reached, { rpc, request }, pick, options.signal),
    );
  }

  /**
   * A range in chunks, over the connection that there is: the caller has just read over it.
   *
   * @param identity the cluster that must be at its other end: chunks tell theirs only at the end
   * @returns `undefined` if only pages will do
   */
  rangeCall(request: IRangeRequest, identity: string, signal: AbortSignal): RangeCall | undefined {
    const reached = this.#endpoints.current;
    if (reached === undefined) return undefined;
    const { endpoint, channel } = reached;
    if (channel.lacksRangeStream || channel.identity !== identity) return undefined;
    const { clock, logger } = this.#options;
    return new RangeCall((handlers) => this.#calls.ranges(reached, request, handlers, signal), {
      clock,
      signal,
      endpoint: endpoint.name,
      onLacking: (why) => {
        channel.lacksRangeStream = true;
        logger.debug(
          `etcd endpoint ${endpoint.name} gives no range in chunks; scans read pages there: ${why.message}`,
          {
            endpoint: endpoint.name,
            error: why,
          },
        );
      },
      onSilence: (error) => {
        this.#retrying.markUnhealthy(reached, error);
      },
    });
  }

  async openWatchCall(
    handlers: WatchCallHandlers,
    options: { readonly avoid?: string | undefined; readonly signal: AbortSignal },
  ): Promise<WatchCall> {
    const opened = await this.#retrying.run({ ...options, kind: 'read' }, (reached) =>
      this.#calls.watch(reached, handlers, options.signal),
    );
    return opened.response;
  }

  async linearizableHead(
    range: KeyRange,
    options: { readonly avoid?: string | undefined; readonly signal: AbortSignal },
  ): Promise<LinearizableHead> {
    const request = { ...rangeBounds(range), limit: 1, keys_only: true };
    const { response, endpoint } = await this.unary(RANGE, request, { kind: 'read', ...options }, (bytes) =>
      checkHeader(decodeHeader(bytes)),
    );
    return { ...response, endpoint };
  }

  async versionOf(endpoint: string, memberId: string, signal: AbortSignal): Promise<VersionEvidence | undefined> {
    return versionEvidence(memberId, {
      status: async () => {
        const asked = await this.#askOnce(endpoint, STATUS, signal);
        if (asked?.status === 'failed') return isOwnDenial(asked.failure) ? 'refused' : undefined;
        const response = asked?.status === 'answered' ? asked.response : undefined;
        return response && { version: response.version, memberId: response.header.member_id };
      },
      member: async () => {
        const asked = await this.#askOnce(endpoint, MEMBER_HEADER, signal);
        return asked?.status === 'answered' ? answerPoint(asked.response)?.memberId : undefined;
      },
      served: () => this.servedVersions(endpoint, signal),
    });
  }

  /** One attempt over the connection that is there, and another one with a new token. No failure of it counts against the endpoint. */
  async #askOnce<Response>(
    name: string,
    rpc: Rpc<object, Response>,
    signal: AbortSignal,
  ): Promise<Attempted<Response> | undefined> {
    for (let renewed = false; ; renewed = true) {
      const endpoint = this.#endpoints.find(name);
      const channel = endpoint?.ready;
      if (endpoint === undefined || channel === undefined) return undefined;
      const asked = await this.#calls.unary({ endpoint, channel }, rpc, {}, signal);
      if (renewed || asked.status !== 'failed' || meaningOf(asked.failure).renewToken !== true) return asked;
      this.#authenticator.drop(asked.caller);
    }
  }

  /** What `GET /version` says behind an endpoint; `undefined` if nobody answers it as etcd does. */
  async servedVersions(endpoint: string, signal: AbortSignal | undefined): Promise<ServedVersions | undefined> {
    const address = this.#endpoints.find(endpoint)?.address;
    if (address === undefined) return undefined;
    const { security, headers, clock, connectMs: timeoutMs } = this.#options;
    const { signal: closing } = this.#closing;
    const ends = signal === undefined ? closing : AbortSignal.any([signal, closing]);
    return readServedVersions({ address, security, headers, clock, timeoutMs, signal: ends });
  }

  refreshToken(): void {
    this.#authenticator.drop();
  }

  markUnhealthy(name: string, cause: StoreError): void {
    const endpoint = this.#endpoints.find(name);
    if (endpoint !== undefined) this.#retrying.markUnhealthy({ endpoint }, cause);
  }

  onConnected(listener: () => void): void {
    this.#endpoints.onConnected(listener);
  }

  /** The names of all endpoints: their URLs, without credentials. */
  get endpoints(): readonly string[] {
    return this.#endpoints.all.map(({ name }) => name);
  }

  /** Uses members' client URLs as endpoints too. Those that are unlike the ones given, or make no sense here, are left out. */
  addEndpoints(urls: readonly string[]): readonly string[] {
    const secure = this.#options.endpoints.some((address) => address.secure);
    const addresses = urls.flatMap((url) => {
      try {
        return [parseEndpoint(url)];
      } catch {
        return []; // Such as an advertised `unixs:` socket: nothing that this store could use.
      }
    });
    this.#endpoints.add(addresses.filter((address) => address.secure === secure));
    return this.endpoints;
  }

  /** Ends all calls. No socket, timer or stream is left. */
  close(): void {
    this.#closing.abort(new StoreError('closed', 'the store is closed'));
    this.#census.close();
    this.#calls.close();
    this.#endpoints.close();
  }

  #makeCensus(): IdentityCensus {
    const { clock, random, logger, identity, connectMs } = this.#options;
    const census: IdentityCensus = new IdentityCensus({
      clock,
      random,
      logger,
      ...identity,
      startMs: Math.min(START.mostMs, connectMs * START.share),
      endpoints: () => this.endpoints,
      probe: async (name, signal) => {
        const endpoint = this.#endpoints.find(name);
        if (endpoint === undefined) return undefined;
        const { known, isContested } = census.identity;
        const isUrgent = known === undefined || isContested;
        const ask = (channel: EtcdChannel) => askAs(this.#authenticator, channel, { clock, isUrgent });
        return probe(endpoint.address, this.#options, ask, signal);
      },
    });
    census.identity.onChange((known, before) => {
      if (before === undefined) return;
      this.#revision = 0;
      // Another cluster may know the user, and none of the tokens.
      this.#authenticator.drop();
      this.#endpoints.refuseAllBut(known);
    });
    return census;
  }
}
