import { Client, Pool, type ClientConfig } from 'pg';
import { StoreError, type Clock } from '@holdfast/store';
import { removeAbortListener, whenAborted } from '@holdfast/adapter-kit';
import { stateOf, toError } from '../errors.js';
import type { PostgresClient, PostgresPool, Settings, Target } from '../options.js';
import { Session } from './session.js';

export interface UseOptions {
  readonly signal?: AbortSignal | undefined;
  /** The most milliseconds that all of the work may take. Default: `requestMs`. */
  readonly ms?: number;
}

/** The connections of a store. */
export class Connections {
  readonly endpoint: string;
  readonly #settings: Settings;
  readonly #pool: PostgresPool;
  readonly #own: Pool | undefined;
  readonly #hosts: HostChoice | undefined;

  constructor(settings: Settings) {
    const { target, pool } = settings;
    this.#settings = settings;
    this.#hosts = target === undefined ? undefined : new HostChoice(target);
    this.endpoint = target === undefined ? endpointOfPool(pool) : endpointOf(target);
    this.#own = target === undefined ? undefined : ownPool(settings, target, this.#hosts);
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
    const client = await this.#connect(signal);
    const session = new Session(client);
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
    const interruption = interrupted(this.#settings.clock, signal, ms, () => this.#tooSlow(ms));
    try {
      const result = await Promise.race([work(session), interruption.promise]);
      await Promise.race([session.tidy(), interruption.promise]);
      return result;
    } catch (error) {
      if (interruption.happened) session.isLost = true;
      else await Promise.race([session.tidy(), interruption.promise]).catch(() => (session.isLost = true));
      if (session.isLost) this.#hosts?.next();
      throw error;
    } finally {
      interruption.end();
      release(session.isLost);
    }
  }

  /** A connection for notifications alone, which belongs to the caller. */
  dedicated(target: Target | undefined): Client {
    const { connectMs } = this.#settings;
    if (target !== undefined) return new Client(configOf(target, new HostChoice(target), connectMs));
    const { pool } = this.#settings;
    if (pool === undefined) return new Client(this.#own?.options);
    const made = pool.Client as (new (config: object) => Client) | undefined;
    return new (made ?? Client)({ ...configFrom(pool), application_name: 'holdfast' });
  }

  async close(): Promise<void> {
    this.#pool.off?.('error', ignore);
    this.#pool.off?.('acquire', guard);
    // One that was given is its owner's.
    if (this.#own === undefined) return;
    this.#own.on('error', ignore);
    await this.#own.end();
  }

  async #connect(signal: AbortSignal | undefined): Promise<PostgresClient> {
    const { clock, connectMs } = this.#settings;
    const tries = this.#hosts?.count ?? 1;
    for (let attempt = 1; ; attempt += 1) {
      const connecting = this.#pool.connect();
      const interruption = interrupted(clock, signal, connectMs + 1_000, () => this.#tooSlow(connectMs));
      try {
        return await Promise.race([connecting, interruption.promise]);
      } catch (error) {
        // It may still come.
        connecting.then(
          (client) => {
            client.release();
          },
          () => undefined,
        );
        if (interruption.happened) throw error;
        this.#hosts?.next();
        if (attempt >= tries || stateOf(error) === '28P01') throw toError(error, this.endpoint);
      } finally {
        interruption.end();
      }
    }
  }

  #tooSlow(ms: number): StoreError {
    return new StoreError('unavailable', `${this.endpoint} did not answer within ${ms} ms; see the option timeouts`, {
      endpoint: this.endpoint,
    });
  }
}

/** Which of several hosts the next connection goes to: the one that worked last, until it fails. */
class HostChoice {
  readonly #target: Target;
  #chosen = 0;

  constructor(target: Target) {
    this.#target = target;
  }

  get count(): number {
    return this.#target.hosts.length;
  }

  get current(): { readonly host: string; readonly port: number } {
    return this.#target.hosts[this.#chosen % this.count] ?? { host: 'localhost', port: 5432 };
  }

  next(): void {
    this.#chosen += 1;
  }
}

function ownPool(settings: Settings, target: Target, hosts: HostChoice | undefined): Pool {
  const { connectMs, maxConnections } = settings;
  const choice = hosts ?? new HostChoice(target);
  const config = configOf(target, choice, connectMs);
  // Read for each new connection.
  Object.defineProperty(config, 'host', { enumerable: true, get: () => choice.current.host });
  Object.defineProperty(config, 'port', { enumerable: true, get: () => choice.current.port });
  class ChosenClient extends Client {
    constructor(given?: string | ClientConfig) {
      super({ ...(given as ClientConfig), ...choice.current });
    }
  }
  return new Pool({ ...config, Client: ChosenClient, max: maxConnections, allowExitOnIdle: true });
}

function configOf(target: Target, hosts: HostChoice, connectMs: number): ClientConfig {
  const { database, user, password, tls, applicationName } = target;
  return {
    ...hosts.current,
    ...(database !== undefined && { database }),
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
    ssl: tls ?? false,
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

function interrupted(clock: Clock, signal: AbortSignal | undefined, ms: number, late: () => StoreError): Interruption {
  let reject: (error: unknown) => void = ignore;
  let happened = false;
  const promise = new Promise<never>((_, rejected) => (reject = rejected));
  promise.catch(ignore);
  const happen = (error: unknown) => {
    happened = true;
    reject(error);
  };
  const onAbort = () => {
    happen(signal?.reason);
  };
  whenAborted(signal, onAbort);
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
      removeAbortListener(signal, onAbort);
    },
  };
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
