import { Client, Pool, type ClientConfig } from 'pg';
import { StoreError, type Clock } from '@holdfast/store';
import { messageOf, monotonicMs, removeAbortListener, whenAborted } from '@holdfast/adapter-kit';
import { stateOf, toError } from '../errors.js';
import type { PostgresClient, PostgresPool, Settings } from '../options.js';
import type { Target } from '../target.js';
import { Session, type Link } from './session.js';
import { Sockets } from './sockets.js';

export interface UseOptions {
  readonly signal?: AbortSignal | undefined;
  /** The most milliseconds that all of the work may take. Default: `requestMs`. */
  readonly ms?: number;
}

/** For how long a connection that has answered is taken to be alive. */
const FRESH_MS = 1_000;

/** The connections of a store. */
export class Connections {
  readonly endpoint: string;
  /** Called when a connection has failed or has not answered: others may be lost with it. */
  onLost: () => void = ignore;
  readonly #settings: Settings;
  readonly #pool: PostgresPool;
  readonly #own: Pool | undefined;
  readonly #hosts: HostChoice | undefined;
  readonly #sockets = new Sockets();
  /** Connections of several hosts that are known to lead to the primary: a server that becomes a standby ends them. */
  readonly #primaries = new WeakSet<PostgresClient>();
  /** When they last did what they were asked to, on the monotonic clock. */
  readonly #answeredAt = new WeakMap<PostgresClient, number>();
  readonly #closing = new AbortController();
  readonly #link: Link = { copies: true };

  constructor(settings: Settings) {
    const { target, pool } = settings;
    this.#settings = settings;
    this.#hosts = target === undefined ? undefined : new HostChoice(target);
    this.endpoint = target === undefined ? endpointOfPool(pool) : endpointOf(target);
    this.#own = this.#hosts === undefined ? undefined : ownPool(settings, this.#hosts, this.#sockets);
    this.#pool = pool ?? (this.#own as unknown as PostgresPool);
    // A connection that fails while nobody uses it is replaced by the next one. Without a listener it would end the process.
    this.#pool.on?.('error', ignore);
    // The server may end a connection in the very packet that completes it: nobody else listens yet.
    this.#pool.on?.('acquire', guard);
  }

  /**
   * Runs `work` on a connection of its own. If the signal aborts or the time is out, the connection is closed, and the work rejects.
   *
   * @throws what the work throws; a `StoreError` if there is no connection, it takes too long, or the signal aborts
   */
  async use<T>(
    work: (session: Session) => Promise<T>,
    { signal, ms = this.#settings.requestMs }: UseOptions = {},
  ): Promise<T> {
    signal?.throwIfAborted();
    this.#closing.signal.throwIfAborted();
    const client = await this.#connect(signal);
    const session = new Session(client, this.#link, this.#isFresh(client));
    client.on('error', ignore);
    let isReleased = false;
    const release = (destroy: boolean): void => {
      if (isReleased) return;
      isReleased = true;
      client.off('error', ignore);
      // It may still fail as it ends.
      if (destroy) client.on('error', ignore);
      client.release(destroy);
    };
    const interruption = this.#interrupted(signal, ms, ms);
    try {
      const result = await Promise.race([work(session), interruption.promise]);
      await Promise.race([session.tidy(), interruption.promise]);
      this.#answeredAt.set(client, monotonicMs(this.#settings.clock));
      return result;
    } catch (error) {
      if (interruption.happened) session.isLost = true;
      else await Promise.race([session.tidy(), interruption.promise]).catch(() => (session.isLost = true));
      // A caller that has given up says nothing about the host.
      if (session.isLost && signal?.aborted !== true) {
        this.#hosts?.next();
        this.onLost();
      }
      throw error;
    } finally {
      interruption.end();
      release(session.isLost);
    }
  }

  /** A connection for notifications alone, which belongs to the caller. */
  dedicated(target: Target | undefined): Client {
    const { connectMs, pool } = this.#settings;
    const hosts = target === undefined ? this.#hosts : new HostChoice(target);
    if (hosts !== undefined) return new Client(configOf(hosts, connectMs, this.#sockets));
    if (pool === undefined) throw new TypeError('a store has a pool or hosts');
    const made = pool.Client as (new (config: object) => Client) | undefined;
    return new (made ?? Client)({ ...configFrom(pool), application_name: 'holdfast' });
  }

  /** Also ends what is under way, connecting too: whoever waits for it has been told that the store is closed. */
  async close(): Promise<void> {
    this.#closing.abort(new StoreError('closed', `${this.endpoint}: the store was closed`));
    this.#pool.off?.('error', ignore);
    this.#pool.off?.('acquire', guard);
    this.#own?.on('error', ignore);
    // One that was given is its owner's.
    const ending = this.#own?.end();
    this.#sockets.end();
    await ending;
  }

  async #connect(signal: AbortSignal | undefined): Promise<PostgresClient> {
    const { connectMs } = this.#settings;
    const tries = this.#hosts?.count ?? 1;
    for (let attempt = 1; ; attempt += 1) {
      const interruption = this.#interrupted(signal, connectMs + 1_000, connectMs);
      try {
        const client = await this.#connectOnce(interruption);
        // The last of them answers for itself.
        if (attempt >= tries || (await this.#isPrimary(client, interruption))) return client;
        client.release(true);
        if (interruption.happened) await interruption.promise;
        this.#hosts?.next();
      } catch (error) {
        if (interruption.happened) throw error;
        if (isBusy(error)) throw this.#busy();
        this.#hosts?.next();
        if (attempt >= tries || stateOf(error) === '28P01') throw toError(error, this.endpoint);
      } finally {
        interruption.end();
      }
    }
  }

  async #connectOnce({ promise }: Interruption): Promise<PostgresClient> {
    const connecting = this.#pool.connect();
    try {
      return await Promise.race([connecting, promise]);
    } catch (error) {
      // It may still come.
      connecting.then(
        (client) => {
          client.release();
        },
        () => undefined,
      );
      throw error;
    }
  }

  /** Whether a connection leads to the primary, where several hosts are given. It rejects with nothing: another host is tried instead. */
  async #isPrimary(client: PostgresClient, { promise }: Interruption): Promise<boolean> {
    if (this.#primaries.has(client)) return true;
    client.on('error', ignore);
    try {
      const asking = new Session(client).run('SELECT pg_catalog.pg_is_in_recovery()');
      const [rows] = await Promise.race([asking, promise]);
      if (rows?.[0]?.[0] !== 'f') return false;
      this.#primaries.add(client);
      return true;
    } catch {
      return false;
    } finally {
      client.off('error', ignore);
      guard(client);
    }
  }

  #isFresh(client: PostgresClient): boolean {
    return monotonicMs(this.#settings.clock) - (this.#answeredAt.get(client) ?? -Infinity) < FRESH_MS;
  }

  #interrupted(signal: AbortSignal | undefined, ms: number, named: number): Interruption {
    return interrupted(this.#settings.clock, [signal, this.#closing.signal], ms, () => this.#tooSlow(named));
  }

  #busy(): StoreError {
    return new StoreError(
      'unavailable',
      `${this.endpoint}: no connection became free within ${this.#settings.connectMs} ms: raise maxConnections, or that of the pool, or ask for less at once`,
      { endpoint: this.endpoint },
    );
  }

  #tooSlow(ms: number): StoreError {
    return new StoreError('unavailable', `${this.endpoint} did not answer within ${ms} ms; see the option timeouts`, {
      endpoint: this.endpoint,
    });
  }
}

/** Which of several hosts the next connection goes to: the one that worked last, until it fails. */
class HostChoice {
  readonly target: Target;
  #chosen = 0;

  constructor(target: Target) {
    this.target = target;
  }

  get count(): number {
    return this.target.hosts.length;
  }

  get current(): { readonly host: string; readonly port: number } {
    return this.target.hosts[this.#chosen % this.count] ?? { host: 'localhost', port: 5432 };
  }

  next(): void {
    this.#chosen += 1;
  }
}

function ownPool({ connectMs, maxConnections }: Settings, hosts: HostChoice, sockets: Sockets): Pool {
  // It takes nothing from the pool, which hides the password from whoever copies its options. The host is chosen for each connection.
  class ChosenClient extends Client {
    constructor() {
      super(configOf(hosts, connectMs, sockets));
    }
  }
  return new Pool({
    Client: ChosenClient,
    connectionTimeoutMillis: connectMs,
    max: maxConnections,
    allowExitOnIdle: true,
  });
}

function configOf(hosts: HostChoice, connectMs: number, sockets: Sockets): ClientConfig {
  const { database, user, password, tls, applicationName } = hosts.target;
  return {
    ...hosts.current,
    ...(database !== undefined && { database }),
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
    ssl: tls ?? false,
    stream: sockets.make,
    application_name: applicationName,
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  };
}

function configFrom(pool: PostgresPool): object {
  const options = (pool.options ?? {}) as { password?: unknown };
  // The pool hides its password from enumeration.
  return options.password === undefined ? { ...options } : { ...options, password: options.password };
}

function endpointOf({ hosts, database }: Target): string {
  const names = hosts.map(({ host, port }) =>
    host.startsWith('/') ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`,
  );
  return `postgres://${names.join(',')}${database === undefined ? '' : `/${database}`}`;
}

function endpointOfPool(pool: PostgresPool | undefined): string {
  const { host, port, database } = (pool?.options ?? {}) as { host?: unknown; port?: unknown; database?: unknown };
  const shown = (value: unknown, before: string) =>
    typeof value === 'string' || typeof value === 'number' ? `${before}${value}` : '';
  return `postgres://${shown(host, '') || 'pool'}${shown(port, ':')}${shown(database, '/')}`;
}

interface Interruption {
  readonly promise: Promise<never>;
  readonly happened: boolean;
  end(): void;
}

function interrupted(
  clock: Clock,
  signals: readonly (AbortSignal | undefined)[],
  ms: number,
  late: () => StoreError,
): Interruption {
  let reject: (error: unknown) => void = ignore;
  let happened = false;
  const promise = new Promise<never>((_, rejected) => (reject = rejected));
  promise.catch(ignore);
  const happen = (error: unknown) => {
    happened = true;
    reject(error);
  };
  const onAbort = () => {
    happen(signals.find((signal) => signal?.aborted)?.reason);
  };
  for (const signal of signals) whenAborted(signal, onAbort);
  const timer = clock.setTimeout(() => {
    happen(late());
  }, ms);
  return {
    promise,
    get happened() {
      return happened;
    },
    end: () => {
      clock.clearTimeout(timer);
      for (const signal of signals) removeAbortListener(signal, onAbort);
    },
  };
}

/** Whether a pool has waited in vain for one of its connections: the host may be well. */
function isBusy(error: unknown): boolean {
  return messageOf(error) === 'timeout exceeded when trying to connect';
}

const guarded = new WeakSet<object>();

function guard(client: PostgresClient): void {
  if (guarded.has(client)) return;
  guarded.add(client);
  client.on('error', ignore);
}

function ignore(): void {
  // There is nobody to tell: the next use says it.
}
