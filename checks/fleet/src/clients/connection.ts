import type { Clock } from '@holdfast/store';
import { StoreError } from '@holdfast/store';
import { Backoff, type DriverCall, sleep } from '@holdfast/store/adapter';
import type { SimClock } from '@holdfast/simulation';
import type { ModelServer, Session } from '../server/model-server.js';
import { MODEL } from '../server/model-timers.js';
import type { Work } from '../server/processor.js';
import type { Price } from '../server/tariff.js';
import type { ClientCpu } from './client-cpu.js';

/** How the etcd v3 adapter backs off by default, with calls and with watches, in milliseconds. */
export const RETRY = { initialMs: 100, maxMs: 2_000 };
const ATTEMPTS = 3;
/** More of its defaults, in milliseconds. */
const CONNECT_MS = 5_000;
const KEEPALIVE_MS = 10_000;
const KEEPALIVE_ANSWER_MS = 5_000;

export interface ConnectionOptions {
  readonly clock: SimClock;
  readonly view: Clock;
  readonly server: ModelServer;
  readonly cpu: ClientCpu;
  /** One way, in milliseconds. */
  readonly latencyMs: number;
  readonly random: () => number;
  /** What a call and a connection cost the client, in milliseconds. */
  readonly callMs: number;
  readonly connectMs: number;
}

/** A request to the server. `answer` makes what the server returns, when its turn comes. */
export interface Request<T> {
  readonly price: () => Price;
  readonly answer: () => T;
  /** What the client spends on the answer, in milliseconds. */
  readonly clientMs: (answer: T) => number;
}

/**
 * The connection of one store, as the etcd v3 adapter keeps it: made when it is wanted, lost when the server ends it or does not answer a
 * ping, made again with back-off; reads are retried over it.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #onLost = new Set<(cause: StoreError) => void>();
  readonly #onConnected = new Set<() => void>();
  #session: Session | undefined;
  #isConnecting = false;
  #isClosed = false;
  /** Streams lost because a ping was not answered. */
  lostPings = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  get session(): Session | undefined {
    return this.#session;
  }

  onLost(listener: (cause: StoreError) => void): () => void {
    this.#onLost.add(listener);
    return () => this.#onLost.delete(listener);
  }

  onConnected(listener: () => void): () => void {
    this.#onConnected.add(listener);
    return () => this.#onConnected.delete(listener);
  }

  /** Sends to the server, or from it to the turn of the client's process. Messages keep their order. */
  send(arrive: () => void): void {
    const { clock, latencyMs } = this.#options;
    clock.set(MODEL, arrive, latencyMs);
  }

  /** A session, made now if there is none. @throws StoreError `unavailable` */
  async acquire(signal: AbortSignal | undefined): Promise<Session> {
    signal?.throwIfAborted();
    if (this.#session !== undefined) return this.#session;
    const { view, random } = this.#options;
    const backoff = new Backoff({ ...RETRY, random });
    const until = view.now() + CONNECT_MS;
    for (;;) {
      this.#dial();
      await this.#attempt(until, signal);
      if (this.#session !== undefined) return this.#session;
      if (view.now() >= until) throw outage('no etcd could be reached in time');
      await this.#rest(Math.min(backoff.next(), until - view.now()), signal);
      if (this.#session !== undefined) return this.#session;
      if (view.now() >= until) throw outage('no etcd could be reached in time');
    }
  }

  /** A read: retried where the connection fails. */
  async call<T>(request: Request<T>, { signal }: DriverCall): Promise<T> {
    const { view, random } = this.#options;
    const backoff = new Backoff({ ...RETRY, random });
    for (let made = 1; ; made += 1) {
      const session = await this.acquire(signal);
      try {
        return await this.#exchange(session, request, signal);
      } catch (error) {
        if (!(error instanceof StoreError) || error.code !== 'unavailable' || made >= ATTEMPTS) throw error;
      }
      await sleep(view, backoff.next(), signal);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#drop(outage('the store is closed'));
  }

  #exchange<T>(session: Session, request: Request<T>, signal: AbortSignal | undefined): Promise<T> {
    const { server, cpu, callMs } = this.#options;
    return new Promise<T>((resolve, reject) => {
      let work: Work | undefined;
      let isOver = false;
      const settle = (act: () => void): void => {
        if (isOver) return;
        isOver = true;
        forget();
        signal?.removeEventListener('abort', onAbort);
        act();
      };
      const onAbort = (): void => {
        settle(() => {
          reject(signal?.reason as Error);
          this.send(() => {
            server.load.note('aborted');
            if (work !== undefined) server.abort(work);
          });
        });
      };
      const forget = this.onLost((cause) => {
        settle(() => {
          reject(cause);
        });
      });
      signal?.addEventListener('abort', onAbort, { once: true });
      this.send(() => {
        if (!session.isOpen) return;
        work = server.request(session, request.price(), () => {
          let end: () => void;
          let clientMs = callMs;
          try {
            const answer = request.answer();
            clientMs += request.clientMs(answer);
            end = () => {
              resolve(answer);
            };
          } catch (error) {
            const failure = error instanceof Error ? error : new Error(String(error));
            end = () => {
              reject(failure);
            };
          }
          this.send(() => {
            if (!isOver && session.isOpen)
              cpu.run(clientMs, () => {
                settle(end);
              });
          });
        });
      });
    });
  }

  #dial(): void {
    if (this.#isConnecting || this.#session !== undefined || this.#isClosed) return;
    this.#isConnecting = true;
    const { server, cpu, connectMs } = this.#options;
    const ended = (): void => {
      this.#isConnecting = false;
      for (const listener of [...this.#attempts]) listener();
    };
    const lost = (): void => {
      this.send(() => {
        cpu.run(0, () => {
          if (this.#isConnecting) ended();
          else this.#drop(outage('the server ended the connection'));
        });
      });
    };
    this.send(() => {
      server.connect(lost, (session) => {
        this.send(() => {
          cpu.run(session === undefined ? 0 : connectMs, () => {
            if (session?.isOpen === true && !this.#isClosed) this.#connected(session);
            if (this.#isConnecting) ended();
          });
        });
      });
    });
  }

  readonly #attempts = new Set<() => void>();

  /** Until the attempt under way has ended. */
  async #attempt(until: number, signal: AbortSignal | undefined): Promise<void> {
    if (!this.#isConnecting) return;
    const { view } = this.#options;
    const over = new AbortController();
    const ended = new Promise<void>((resolve) => {
      const listener = (): void => {
        this.#attempts.delete(listener);
        resolve();
      };
      this.#attempts.add(listener);
    });
    const waited = sleep(view, Math.max(0, until - view.now()), over.signal).catch(() => undefined);
    const aborted = onceAborted(signal, over.signal);
    await Promise.race([ended, waited, aborted]);
    over.abort(new StoreError('aborted', 'over'));
    signal?.throwIfAborted();
  }

  /** Waits before the next attempt, unless another caller's succeeds. */
  async #rest(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const { view } = this.#options;
    const over = new AbortController();
    let off = (): unknown => undefined;
    const connected = new Promise<void>((resolve) => {
      off = this.onConnected(resolve);
    });
    const slept = sleep(view, Math.max(0, ms), over.signal).catch(() => undefined);
    await Promise.race([slept, connected, onceAborted(signal, over.signal)]);
    off();
    over.abort(new StoreError('aborted', 'over'));
    signal?.throwIfAborted();
  }

  #connected(session: Session): void {
    this.#session = session;
    this.#keepAlive(session);
    for (const listener of [...this.#onConnected]) listener();
  }

  #keepAlive(session: Session): void {
    const { clock, server, cpu } = this.#options;
    clock.set(
      'keepalive',
      () => {
        if (this.#session !== session) return;
        let isAnswered = false;
        this.send(() => {
          if (!session.isOpen) return;
          server.ping(session, () => {
            this.send(() => {
              // The answer waits for whatever the process is busy with.
              cpu.run(0, () => {
                isAnswered = true;
                if (this.#session === session) this.#keepAlive(session);
              });
            });
          });
        });
        clock.set(
          'keepalive',
          () => {
            if (isAnswered || this.#session !== session) return;
            this.lostPings += 1;
            this.#drop(outage('the server did not answer a ping'));
          },
          KEEPALIVE_ANSWER_MS,
        );
      },
      KEEPALIVE_MS,
    );
  }

  #drop(cause: StoreError): void {
    const session = this.#session;
    if (session === undefined) return;
    this.#session = undefined;
    if (session.isOpen) this.#options.server.close(session);
    for (const listener of [...this.#onLost]) listener(cause);
  }
}

function outage(why: string): StoreError {
  return new StoreError('unavailable', `simulated:1: ${why}`, { endpoint: 'simulated:1' });
}

/** Resolves when the signal aborts, and leaves no listener when `over` does. */
function onceAborted(signal: AbortSignal | undefined, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal?.addEventListener(
      'abort',
      () => {
        resolve();
      },
      { once: true, signal: over },
    );
  });
}
