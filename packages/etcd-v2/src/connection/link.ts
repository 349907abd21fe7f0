import { Client, type buildConnector } from 'undici';
import type { HttpExchange, HttpRequest } from './http-exchange.js';

/** How long an unused connection is kept: the next poll of a watch, or the next call, then needs no new one. */
const IDLE_MS = 15_000;

/** The connection had ended before the request was sent over it. */
export class LinkGone extends Error {
  // Not one of undici's own, after some of which it would connect again.
  readonly code = 'HOLDFAST_LINK_GONE';

  constructor() {
    super('the connection ended before the request was sent');
  }
}

/**
 * One TCP connection to an endpoint, for one request at a time: a long poll would hold up those behind it. It is made with
 * its first request and never again, so that whatever it has shown of the server at its other end stays true.
 */
export class Link {
  /** The cluster that the server at the other end belongs to, once it has told. */
  identity: string | undefined;
  readonly #client: Client;
  #address: string | undefined;
  #isDialled = false;
  #isOpen = false;
  #isGone = false;

  /** @param onGone called once it can't be used any more */
  constructor(origin: string, connect: buildConnector.connector, onGone: (link: Link) => void) {
    this.#client = new Client(origin, {
      pipelining: 1,
      // Time-outs are the store's own, by its clock.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_MS,
      connect: (target, callback) => {
        if (this.#isDialled) {
          callback(new LinkGone(), null);
          return;
        }
        this.#isDialled = true;
        connect(target, (...[error, socket]) => {
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

  /** Whether it was made, and has not ended. */
  get isOpen(): boolean {
    return this.#isOpen && !this.#isGone;
  }

  /** Whether it has ended, or could not be made. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** The other end's IP address, once it was made. */
  get address(): string | undefined {
    return this.#address;
  }

  send(request: HttpRequest, exchange: HttpExchange): void {
    this.#client.dispatch({ ...request, body: request.body ?? null }, exchange);
  }

  /** Ends it, with what it carries. */
  async destroy(reason: Error): Promise<void> {
    this.#isGone = true;
    await this.#client.destroy(reason).catch(() => undefined);
  }
}
