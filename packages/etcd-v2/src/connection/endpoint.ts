import { Backoff, isStoreError, StoreError, type Clock } from '@holdfast/store';
import { Pool } from 'undici';
import { createConnector, type ConnectorOptions } from './connector.js';
import type { EndpointAddress } from '@holdfast/etcd-common';
import { HttpExchange, type ExchangeHandlers, type HttpRequest } from './http-exchange.js';
import { Keepalive } from './keepalive.js';

export interface EndpointOptions extends ConnectorOptions {
  readonly keepalive: { readonly intervalMs: number; readonly timeoutMs: number } | undefined;
  readonly maxResponseBytes: number;
  readonly clock: Clock;
  readonly random: () => number;
}

/** How long after a failure an endpoint is avoided, at first and at most; doubles. */
const UNHEALTHY_MS = { initialMs: 500, maxMs: 15_000 };
/** How long an unused connection is kept: the next poll of a watch, or the next call, then needs no new one. */
const IDLE_CONNECTION_MS = 15_000;

/** What the answer to a question for the leader may take. */
const PROBE_BYTES = 65_536;

/** A server that is well begins to answer far sooner, and takes a long poll at once, in milliseconds. */
const SUSPICIOUS_MS = 500;

/** One member of the cluster as this store reaches it: its connections, and how it has been lately. */
export class Endpoint {
  readonly address: EndpointAddress;
  readonly #options: EndpointOptions;
  readonly #penalty: Backoff;
  readonly #keepalive: Keepalive | undefined;
  /** With when each was begun. */
  readonly #underWay = new Map<HttpExchange, number>();
  #pool: Pool | undefined;
  /** Left to finish what is under way on them. */
  readonly #retired = new Set<Pool>();
  #avoidUntil = 0;
  #servesV2 = false;

  constructor(address: EndpointAddress, options: EndpointOptions) {
    this.address = address;
    this.#options = options;
    this.#penalty = new Backoff({ ...UNHEALTHY_MS, random: options.random });
    const { keepalive, clock } = options;
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

  /** Whether it has not failed lately. */
  get healthy(): boolean {
    const leftMs = this.#avoidUntil - this.#options.clock.now();
    // More than it can ever be given: somebody has set the wall clock back.
    return leftMs <= 0 || leftMs > UNHEALTHY_MS.maxMs;
  }

  /** When a failed endpoint is to be preferred again, in milliseconds since the epoch. */
  get avoidUntil(): number {
    return this.#avoidUntil;
  }

  /** Whether it has answered as etcd's v2 API once. */
  get servesV2(): boolean {
    return this.#servesV2;
  }

  markServingV2(): void {
    this.#servesV2 = true;
  }

  markUnhealthy(): void {
    this.#avoidUntil = this.#options.clock.now() + this.#penalty.next();
  }

  markHealthy(): void {
    if (this.#avoidUntil === 0) return;
    this.#avoidUntil = 0;
    this.#penalty.reset();
  }

  /** Sends a request over a connection that no other request is waiting on. */
  start(request: HttpRequest, handlers: ExchangeHandlers): HttpExchange {
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
    this.#underWay.set(exchange, this.#options.clock.now());
    this.#keepalive?.begin();
    this.#dispatch(request, exchange);
    return exchange;
  }

  /** Ends an exchange: no handler of it is called any more. */
  abort(exchange: HttpExchange, reason: Error): void {
    const began = this.#underWay.get(exchange) ?? Infinity;
    if (exchange.isUnanswered && this.#options.clock.now() - began >= SUSPICIOUS_MS) this.#retirePool();
    this.#end(exchange);
    exchange.abort(reason);
  }

  /** Fails what is under way, and closes all connections. */
  async close(reason: StoreError): Promise<void> {
    await this.#fail(reason);
  }

  #end(exchange: HttpExchange): void {
    if (this.#underWay.delete(exchange)) this.#keepalive?.end();
  }

  /** The server is silent: what waits for it won't be answered, on the connections that there are. */
  #abandon(error: StoreError): void {
    this.markUnhealthy();
    void this.#fail(error);
  }

  async #fail(error: StoreError): Promise<void> {
    const pools = [...this.#retired, ...(this.#pool === undefined ? [] : [this.#pool])];
    this.#pool = undefined;
    for (const exchange of [...this.#underWay.keys()]) exchange.fail(error);
    await Promise.all(pools.map((pool) => pool.destroy(error).catch(() => undefined)));
  }

  /**
   * Somebody gave up waiting for any answer at all: the connection may be dead, and with it all that were open then. What begins now must not be
   * sent over those, one after the other; and a question that is answered over a new one says nothing of them.
   */
  #retirePool(): void {
    const pool = this.#pool;
    if (pool === undefined) return;
    this.#pool = undefined;
    this.#retired.add(pool);
    void pool
      .close()
      .catch(() => undefined)
      .then(() => this.#retired.delete(pool));
  }

  #dispatch(request: HttpRequest, exchange: HttpExchange): void {
    this.#pool ??= this.#connect();
    this.#pool.dispatch({ ...request, body: request.body ?? null }, exchange);
  }

  /** Asks for the leader: cheap for the server, and allowed to everybody. Answers of any other kind are signs of life. */
  #hasLeader(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const exchange = new HttpExchange(
        {
          onDone: ({ status }) => {
            resolve(status !== 503);
          },
          onFail: reject,
        },
        PROBE_BYTES,
      );
      this.#dispatch({ method: 'GET', path: '/v2/members/leader', headers: {} }, exchange);
      signal.addEventListener(
        'abort',
        () => {
          const reason = signal.reason as Error;
          exchange.abort(reason);
          reject(reason);
        },
        { once: true },
      );
    });
  }

  #connect(): Pool {
    const { target, socketPath, secure } = this.address;
    const origin = socketPath === undefined ? `${secure ? 'https' : 'http'}://${target}` : 'http://localhost';
    return new Pool(origin, {
      // One request on a connection at a time: a long poll would hold up what is behind it, and undici repeats requests
      // that were waiting in line when a connection breaks.
      pipelining: 1,
      connections: null,
      // Time-outs are the store's own, by its clock.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_CONNECTION_MS,
      connect: createConnector(this.address, this.#options),
    });
  }
}

function named({ code, message }: StoreError, endpoint: string): StoreError {
  return new StoreError(code, `${endpoint} ${message}`, { endpoint });
}
