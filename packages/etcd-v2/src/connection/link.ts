import type { Socket } from 'node:net';
import { Client } from 'undici';
import type { Dial } from './connector.js';
import type { HttpExchange, HttpRequest } from './http-exchange.js';

/** How long an unused connection is kept for the next poll or call, in milliseconds. */
const IDLE_MS = 15_000;

/** The connection had ended before the request was sent over it. */
export class LinkGone extends Error {
  // Not one of undici's own codes: after some of those, undici reconnects.
  readonly code = 'HOLDFAST_LINK_GONE';

  constructor() {
    super('the connection ended before the request was sent');
  }
}

/**
 * One TCP connection to an endpoint, for one request at a time, because a long poll would block others. It is made with its first request
 * and never reconnects, so everything that it has shown about its server stays true.
 */
export class Link {
  readonly #client: Client;
  #identity: string | undefined;
  #usedAt = -Infinity;
  #provedAt = -Infinity;
  #address: string | undefined;
  #connecting: Socket | undefined;
  #isDialled = false;
  #isOpen = false;
  #isGone = false;

  /** @param onGone called once the connection can't be used any more */
  constructor(origin: string, dial: Dial, onGone: (link: Link) => void) {
    this.#client = new Client(origin, {
      pipelining: 1,
      // The store has its own time-outs, by its clock.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_MS,
      connect: (target, callback) => {
        if (this.#isDialled) {
          callback(new LinkGone(), null);
          return;
        }
        this.#isDialled = true;
        this.#connecting = dial(target, (...[error, socket]) => {
          this.#connecting = undefined;
          if (error !== null) {
            callback(error, null);
            return;
          }
          this.#isOpen = true;
          this.#address = socket.remoteAddress;
          callback(null, socket);
        });
      },
    });
    const gone = (): void => {
      if (this.#isGone) return;
      this.#isGone = true;
      onGone(this);
    };
    this.#client.on('disconnect', gone).on('connectionError', gone);
  }

  /** Whether it is connected. */
  get isOpen(): boolean {
    return this.#isOpen && !this.#isGone;
  }

  /** Whether it has ended or could not be made. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** The server's IP address, once connected. */
  get address(): string | undefined {
    return this.#address;
  }

  /** The server's cluster, once it has reported it. */
  get identity(): string | undefined {
    return this.#identity;
  }

  /** When its last request was sent, by the store's clock. */
  get usedAt(): number {
    return this.#usedAt;
  }

  /** When its member last showed that it is part of a working cluster. */
  get provedAt(): number {
    return this.#provedAt;
  }

  /** The server has reported its cluster. Only the first report counts: the connection never leads to another server. */
  reported(identity: string): void {
    this.#identity ??= identity;
  }

  /** Its member has shown that it is part of a working cluster. */
  proved(now: number): void {
    this.#provedAt = now;
  }

  /** A request is sent over it now. */
  used(now: number): void {
    this.#usedAt = now;
  }

  send(request: HttpRequest, exchange: HttpExchange): void {
    this.#client.dispatch({ ...request, body: request.body ?? null }, exchange);
  }

  /** Ends it and its request. */
  async destroy(reason: Error): Promise<void> {
    this.#isGone = true;
    // undici would leave it to the time-out of the attempt.
    this.#connecting?.destroy(reason);
    await this.#client.destroy(reason).catch(() => undefined);
  }
}
