import type { EndpointAddress } from '@holdfast/etcd-common';
import { Backoff, isStoreError, StoreError, type Clock } from '@holdfast/store';
import { Addresses } from './addresses.js';
import { askOnce } from './ask-once.js';
import { createConnector, type ConnectorOptions } from './connector.js';
import { EndpointHealth } from './endpoint-health.js';
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
  /** A new connection, made for a question only, told its cluster. */
  readonly onIdentity: (endpoint: string, identity: string) => void;
}

/** How long after its connections were replaced they may be replaced again, at first and at most; doubles. */
const REPLACE_MS = { initialMs: 100, maxMs: 5_000 };
/** A server that is well begins to answer far sooner, and takes a long poll at once, in milliseconds. */
const SUSPICIOUS_MS = 500;
/** How often a server is asked, and answers, while a request of ours gets no answer at all, before that is given up. */
const PATIENT_ROUNDS = 4;

interface UnderWay {
  readonly link: Link;
  readonly began: number;
}

/**
 * One member of the cluster as this store reaches it: its connections, and how it has been lately. Behind its name may
 * stand a load balancer, so that each connection may reach another member.
 */
export class Endpoint {
  readonly address: EndpointAddress;
  readonly #options: EndpointOptions;
  readonly health: EndpointHealth;
  readonly #keepalive: Keepalive | undefined;
  readonly #addresses: Addresses;
  readonly #links: Links;
  readonly #underWay = new Map<HttpExchange, UnderWay>();
  readonly #roundListeners = new Set<(hasLeader: boolean) => void>();
  readonly #replacing: Backoff;
  #replaceAfter = 0;
  #isReplacing = false;

  constructor(address: EndpointAddress, options: EndpointOptions) {
    this.address = address;
    this.#options = options;
    const { keepalive, clock, random } = options;
    this.health = new EndpointHealth(clock, random);
    this.#replacing = new Backoff({ ...REPLACE_MS, random });
    this.#addresses = new Addresses(clock);
    const connect = createConnector(address, { ...options, addresses: this.#addresses });
    this.#links = new Links(originOf(address), connect, (link) => {
      // It could not be made: another address may be better.
      if (link.address === undefined) this.#addresses.avoid(this.#addresses.first);
    });
    if (keepalive !== undefined) {
      this.#keepalive = new Keepalive({
        ...keepalive,
        clock,
        probe: (signal) => this.#hasLeader(signal),
        onDead: (error) => {
          this.#abandon(new StoreError(error.code, `${this.name} ${error.message}`, { endpoint: this.name }));
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
    // It has ended by itself, or was replaced meanwhile.
    if (!this.#links.isCurrent(link)) return;
    this.#isReplacing = true;
    this.#replaceIfDue();
  }

  /** Tells after each question of the keepalive whether the member that answered has a leader. @returns how to end that */
  onRound(listener: (hasLeader: boolean) => void): () => void {
    this.#roundListeners.add(listener);
    return () => this.#roundListeners.delete(listener);
  }

  /** A connection for one request after the other. `fresh`: a new one. To be released. */
  take(fresh = false): Link {
    this.#replaceIfDue();
    return this.#links.take(fresh);
  }

  release(link: Link): void {
    this.#links.release(link);
  }

  /** Nothing more is sent over it: an exchange over it failed. */
  discard(link: Link): void {
    this.#links.drop(link);
  }

  /** Ends a connection that reaches what it should not. */
  drop(link: Link): void {
    this.#addresses.avoid(link.address);
    this.#links.drop(link);
  }

  /** Ends the connections that reach another cluster than this one. */
  keepOnly(identity: string, reason: StoreError): void {
    const gone = new Set(this.#links.keepOnly(identity, reason));
    for (const [exchange, { link }] of [...this.#underWay]) if (gone.has(link)) exchange.fail(reason);
  }

  /** Sends a request over a connection that was taken, and carries nothing else now. */
  start(link: Link, request: HttpRequest, handlers: ExchangeHandlers): HttpExchange {
    const exchange: HttpExchange = new HttpExchange(
      {
        onHead: handlers.onHead,
        onDone: (response) => {
          this.#end(exchange);
          handlers.onDone(response);
        },
        onFail: (error, sent) => {
          this.#end(exchange);
          handlers.onFail(isStoreError(error, 'too-large') ? named(error, this.name) : error, sent);
        },
      },
      this.#options.maxResponseBytes,
    );
    this.#underWay.set(exchange, { link, began: this.#options.clock.now() });
    this.#keepalive?.begin();
    link.send(request, exchange);
    return exchange;
  }

  /** Ends an exchange, and its connection: no handler of it is called any more. */
  abort(exchange: HttpExchange, reason: Error): void {
    const underWay = this.#underWay.get(exchange);
    if (underWay === undefined) return;
    const { link, began } = underWay;
    if (exchange.isUnanswered && this.#options.clock.now() - began >= SUSPICIOUS_MS) this.#suspect(link);
    this.#end(exchange);
    exchange.abort(reason);
    this.#links.drop(link, reason);
  }

  /** Fails what is under way, and closes all connections. */
  async close(reason: StoreError): Promise<void> {
    await this.#fail(reason);
  }

  /**
   * Asks a new connection for something, and ends it.
   *
   * @throws the signal's reason, or why the connection failed
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

  /** The server is silent: what waits for it won't be answered, on the connections that there are. */
  #abandon(error: StoreError): void {
    this.health.failed(false);
    for (const { link } of this.#underWay.values()) this.#addresses.avoid(link.address);
    void this.#fail(error);
  }

  async #fail(error: StoreError): Promise<void> {
    for (const exchange of [...this.#underWay.keys()]) exchange.fail(error);
    await this.#links.destroy(error);
  }

  /**
   * Somebody gave up waiting for any answer at all: the connection may be dead, and with it all that were open then. What begins now must not be
   * sent over those, one after the other; and a question that is answered over a new one says nothing of them.
   */
  #suspect(link: Link): void {
    this.#addresses.avoid(link.address);
    this.#links.retire();
  }

  #replaceIfDue(): void {
    if (!this.#isReplacing) return;
    const now = this.#options.clock.now();
    const leftMs = this.#replaceAfter - now;
    // More than it can ever be: somebody has set the wall clock back.
    if (leftMs > 0 && leftMs <= REPLACE_MS.maxMs) return;
    if (-leftMs > REPLACE_MS.maxMs) this.#replacing.reset();
    this.#isReplacing = false;
    this.#replaceAfter = now + this.#replacing.next();
    this.#links.retire();
  }

  /**
   * Asks for the leader, which is cheap for the server and allowed to everybody. Over a new connection: behind a load
   * balancer it reaches one member after the other. Answers of any other kind are signs of life.
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

  /** The server answers, but not everything: behind a load balancer one of many may have fallen silent. */
  #giveUpUnanswered(): void {
    const { keepalive, clock } = this.#options;
    if (keepalive === undefined) return;
    const patienceMs = PATIENT_ROUNDS * (keepalive.intervalMs + keepalive.timeoutMs);
    for (const [exchange, { link, began }] of [...this.#underWay]) {
      if (!exchange.isUnanswered || clock.now() - began < patienceMs) continue;
      this.#suspect(link);
      const message = `${this.name} answers others, and has not begun to answer this request within ${patienceMs} ms`;
      exchange.fail(new StoreError('timeout', message, { endpoint: this.name }));
    }
  }
}

function originOf({ secure, target, socketPath }: EndpointAddress): string {
  return socketPath === undefined ? `${secure ? 'https' : 'http'}://${target}` : 'http://localhost';
}

function named({ code, message }: StoreError, endpoint: string): StoreError {
  return new StoreError(code, `${endpoint} ${message}`, { endpoint });
}
