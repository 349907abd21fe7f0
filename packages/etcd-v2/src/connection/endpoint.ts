import type { EndpointAddress } from '@holdfast/etcd-common';
import { isStoreError, StoreError, type Clock } from '@holdfast/store';
import { Backoff } from '@holdfast/store/adapter';
import { connectionText } from '../errors.js';
import { Addresses } from './addresses.js';
import { askOnce } from './ask-once.js';
import { createConnector, type ConnectorOptions } from './connector.js';
import { V2EndpointHealth } from './endpoint-health.js';
import { pointOf } from './history-point.js';
import { LEADER_PATH } from './introduction.js';
import { HttpExchange, type ExchangeHandlers, type HttpRequest, type HttpResponse } from './http-exchange.js';
import { Keepalive } from './keepalive.js';
import type { Link } from './link.js';
import { Links } from './links.js';

export interface EndpointOptions extends Omit<ConnectorOptions, 'addresses'> {
  readonly keepalive: { readonly intervalMs: number; readonly timeoutMs: number } | undefined;
  readonly maxResponseBytes: number;
  readonly clock: Clock;
  readonly random: () => number;
  /** Called when a connection that was made only for a question reported its cluster. */
  readonly onIdentity: (endpoint: string, identity: string) => void;
}

/** How long after its connections were replaced they may be replaced again, at first and at most; doubles. */
const REPLACE_MS = { initialMs: 100, maxMs: 5_000 };
/** A server that is well begins to answer far sooner, and takes a long poll at once, in milliseconds. */
const SUSPICIOUS_MS = 500;
/** After this many answered questions of the keepalive, a request without any answer is given up. */
const PATIENT_ROUNDS = 4;

/** The most bytes of an answer that is not about keys. Parsed, a body can take many times its length. */
const SMALL = 262_144;

interface UnderWay {
  readonly link: Link;
  readonly began: number;
  /** Waits for an event, possibly for ever. */
  readonly isPoll: boolean;
  /** How much of the body had come when that was looked at last, and since when it is no more. */
  received: number;
  since: number;
}

/**
 * One member of the cluster as this store reaches it: its connections, and its recent health. Its name may belong to a load balancer, and
 * then each connection may reach another member.
 */
export class Endpoint {
  readonly address: EndpointAddress;
  readonly #options: EndpointOptions;
  readonly health: V2EndpointHealth;
  readonly #keepalive: Keepalive | undefined;
  readonly #addresses: Addresses;
  readonly #links: Links;
  readonly #underWay = new Map<HttpExchange, UnderWay>();
  readonly #roundListeners = new Set<(hasLeader: boolean) => void>();
  readonly #replacing: Backoff;
  #replaceAfter = 0;
  /** The connection that showed that those open at the time may have to be replaced. */
  #suspected: Link | undefined;

  constructor(address: EndpointAddress, options: EndpointOptions) {
    this.address = address;
    this.#options = options;
    const { keepalive, clock, random } = options;
    this.health = new V2EndpointHealth(clock, random);
    this.#replacing = new Backoff({ ...REPLACE_MS, random });
    this.#addresses = new Addresses(clock);
    const dial = createConnector(address, { ...options, addresses: this.#addresses });
    this.#links = new Links(originOf(address), dial, (link) => {
      // The connection could not be made: another address may be better.
      if (link.address === undefined) this.#addresses.avoid(this.#addresses.first);
    });
    if (keepalive !== undefined) {
      this.#keepalive = new Keepalive({
        ...keepalive,
        clock,
        probe: (signal) => this.#hasLeader(signal),
        onDead: ({ code, message, cause }, since) => {
          const said = cause === undefined ? ` ${message}` : `: ${connectionText(cause as Error, this.name, false)}`;
          this.#abandon(new StoreError(code, this.name + said, { endpoint: this.name }), since);
        },
      });
    }
  }

  get name(): string {
    return this.address.name;
  }

  /** @param link the connection that showed it: with back-off, new requests get new connections (docs/traps.md#trap-22) */
  markUnhealthy(link: Link, mayLackLeader = false): void {
    this.health.failed(mayLackLeader);
    this.#addresses.avoid(link.address);
    // It has ended by itself, or has been replaced.
    if (!this.#links.isCurrent(link)) return;
    this.#suspected = link;
    this.#replaceIfDue();
  }

  /**
   * The member that this connection leads to has shown that it is part of a working cluster: it answered a read or a write that needs a
   * leader, or told of an event. Trouble of another connection says nothing of this one then: behind a load balancer, that may lead to
   * another member.
   */
  noteProof(link: Link): void {
    link.proved(this.#options.clock.now());
  }

  /** Tells after each question of the keepalive whether the member that answered has a leader. @returns how to end that */
  onRound(listener: (hasLeader: boolean) => void): () => void {
    this.#roundListeners.add(listener);
    return () => this.#roundListeners.delete(listener);
  }

  /** A connection for one request at a time. `fresh`: a new one. Release it afterwards. */
  take(fresh = false): Link {
    this.#replaceIfDue();
    return this.#links.take(fresh);
  }

  release(link: Link): void {
    this.#links.release(link);
  }

  /** An exchange over this connection failed: nothing more is sent over it. */
  discard(link: Link): void {
    this.#links.drop(link);
  }

  /** Ends a connection that reaches another cluster. */
  drop(link: Link): void {
    this.#addresses.avoid(link.address);
    this.#links.drop(link);
  }

  /** Ends the connections that reach another cluster than this one. */
  keepOnly(identity: string, reason: StoreError): void {
    const gone = new Set(this.#links.keepOnly(identity, reason));
    for (const [exchange, { link }] of [...this.#underWay]) if (gone.has(link)) exchange.fail(reason);
  }

  /** Sends a request over a connection from `take`, which must carry nothing else. */
  start(link: Link, request: HttpRequest, handlers: ExchangeHandlers): HttpExchange {
    return this.#start(link, request, handlers, { isPoll: false });
  }

  /** The same, for a request that waits for an event. */
  startPoll(link: Link, request: HttpRequest, handlers: ExchangeHandlers): HttpExchange {
    return this.#start(link, request, handlers, { isPoll: true });
  }

  #start(
    link: Link,
    request: HttpRequest,
    handlers: ExchangeHandlers,
    { isPoll }: Pick<UnderWay, 'isPoll'>,
  ): HttpExchange {
    const exchange: HttpExchange = new HttpExchange(
      {
        onHead: handlers.onHead,
        onDone: (response) => {
          this.#end(exchange);
          handlers.onDone(response);
        },
        onFail: (error, sent) => {
          this.#end(exchange);
          handlers.onFail(isStoreError(error, 'too-large') ? tooLargeFor(request, error, this.name) : error, sent);
        },
      },
      isOfKeys(request) ? this.#options.maxResponseBytes : Math.min(SMALL, this.#options.maxResponseBytes),
    );
    const began = this.#options.clock.now();
    link.used(began);
    this.#underWay.set(exchange, { link, began, isPoll, received: 0, since: began });
    this.#keepalive?.begin();
    link.send(request, exchange);
    return exchange;
  }

  /** Ends an exchange and its connection. Its handlers are not called any more. */
  abort(exchange: HttpExchange, reason: Error): void {
    const underWay = this.#underWay.get(exchange);
    if (underWay === undefined) return;
    const { link, began } = underWay;
    if (exchange.isUnanswered && this.#options.clock.now() - began >= SUSPICIOUS_MS) this.#suspect(link);
    this.#end(exchange);
    exchange.abort(reason);
    this.#links.drop(link, reason);
  }

  /** Fails all running requests, and closes all connections. */
  async close(reason: StoreError): Promise<void> {
    for (const exchange of [...this.#underWay.keys()]) exchange.fail(reason);
    await this.#links.destroy(reason);
  }

  /**
   * Sends one request over a new connection, and ends the connection.
   *
   * @throws the signal's reason, or the failure of the connection
   */
  async ask(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    const link = this.#links.take(true);
    try {
      return await askOnce(link, request, signal);
    } catch (error) {
      // Unless nobody wants to know any more.
      if (!signal.aborted || isStoreError(signal.reason)) this.#addresses.avoid(link.address);
      throw error;
    } finally {
      this.#links.drop(link);
    }
  }

  #end(exchange: HttpExchange): void {
    if (this.#underWay.delete(exchange)) this.#keepalive?.end();
  }

  /** The server is silent: waiting requests won't be answered on connections that have proved nothing since then. */
  #abandon(error: StoreError, since: number): void {
    this.health.failed();
    const unproved = new Set(this.#links.dropUnproved(since, error));
    for (const [exchange, { link }] of [...this.#underWay]) {
      if (!unproved.has(link)) continue;
      this.#addresses.avoid(link.address);
      exchange.fail(error);
    }
  }

  /**
   * A caller gave up before any answer came: its connection may be dead, and so may all others that have proved nothing since. New requests
   * must not try those one after another. An answer over a new connection shows nothing about the old ones.
   */
  #suspect(link: Link): void {
    this.#addresses.avoid(link.address);
    this.#links.retire(link);
  }

  #replaceIfDue(): void {
    if (this.#suspected === undefined) return;
    const now = this.#options.clock.now();
    const leftMs = this.#replaceAfter - now;
    // More than it can ever be: somebody has set the wall clock back.
    if (leftMs > 0 && leftMs <= REPLACE_MS.maxMs) return;
    if (-leftMs > REPLACE_MS.maxMs) this.#replacing.reset();
    this.#replaceAfter = now + this.#replacing.next();
    this.#links.retire(this.#suspected);
    this.#suspected = undefined;
  }

  /**
   * Asks for the leader, which is cheap for the server and allowed for everyone. It uses a new connection: behind a load balancer, that
   * reaches one member after another. Any other answer is a sign of life too.
   */
  async #hasLeader(signal: AbortSignal): Promise<boolean> {
    const { onIdentity } = this.#options;
    const request = { method: 'GET', path: LEADER_PATH, headers: {} } as const;
    const response = await this.ask(request, signal);
    const { identity } = pointOf(response);
    if (identity !== '') onIdentity(this.name, identity);
    this.#giveUpUnanswered();
    const hasLeader = response.status !== 503;
    for (const listener of [...this.#roundListeners]) listener(hasLeader);
    return hasLeader;
  }

  /** The server answers some requests and not others: behind a load balancer, one of several servers may be silent. */
  #giveUpUnanswered(): void {
    const { keepalive, clock } = this.#options;
    if (keepalive === undefined) return;
    const patienceMs = PATIENT_ROUNDS * (keepalive.intervalMs + keepalive.timeoutMs);
    const now = clock.now();
    for (const [exchange, underWay] of [...this.#underWay]) {
      const { received } = exchange;
      if (received !== underWay.received) Object.assign(underWay, { received, since: now });
      // A long poll that the server has taken may wait; one whose answer has begun may not.
      const mayWait = underWay.isPoll && !exchange.isUnanswered && received === 0;
      if (mayWait || !exchange.sent || now - underWay.since < patienceMs) continue;
      this.#suspect(underWay.link);
      const what = exchange.isUnanswered ? 'has not begun to answer' : 'does not go on with its answer to';
      const message = `${this.name} answers others, and ${what} this request: nothing came for ${patienceMs} ms`;
      exchange.fail(new StoreError('timeout', message, { endpoint: this.name }));
    }
  }
}

function originOf({ secure, target, socketPath }: EndpointAddress): string {
  return socketPath === undefined ? `${secure ? 'https' : 'http'}://${target}` : 'http://localhost';
}

function isOfKeys({ path }: HttpRequest): boolean {
  return path.startsWith('/v2/keys');
}

/** The error for a body that is too long. Keys can be read in smaller ranges; any other answer was not etcd's. */
function tooLargeFor(request: HttpRequest, { code, message }: StoreError, endpoint: string): Error {
  if (isOfKeys(request)) return new StoreError(code, `${endpoint} ${message}`, { endpoint });
  const [path] = request.path.split('?');
  return new Error(`the answer to ${path} is longer than any of etcd's`);
}
