import { IdentityCensus, type KnownIdentity } from '@holdfast/etcd-common';
import { isStoreError, type Logger, StoreError } from '@holdfast/store';
import { addAbortListener, removeAbortListener, type DriverCall } from '@holdfast/store/adapter';
import type { Backend, Connection, Endpoints } from '../cluster/endpoints.js';
import type { Link } from './link.js';
import type { Random } from '../plans/random.js';
import type { ClockView, SimClock } from '../sim-clock.js';

export interface ConnectionsOptions {
  readonly name: string;
  readonly link: Link;
  readonly endpoints: Endpoints;
  readonly clock: SimClock;
  readonly view: ClockView;
  readonly random: Random;
  readonly count: (fault: string) => void;
  /** Receives the policy's messages, for the trace. */
  readonly logger: Logger;
  /** Set for mutants only. */
  readonly acceptAfterMs?: number | undefined;
}

/** How long a new connection may take to report its identity if no call waits for it, in milliseconds. */
const PROBE_MS = 800;

/**
 * The connections of one process, as an etcd adapter has them. Each new connection first reports its cluster's identity, and serves only if
 * the policy of both adapters ({@link IdentityCensus}) admits it. The policy checks each answer too.
 */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #census: IdentityCensus;
  /** Endpoint → its admitted connection. */
  readonly #open = new Map<string, Connection>();

  constructor(options: ConnectionsOptions) {
    const { endpoints, clock, view, random, logger, acceptAfterMs } = options;
    this.#options = options;
    this.#census = new IdentityCensus({
      endpoints: () => endpoints.names,
      probe: (endpoint, signal) => this.#probe(endpoint, signal),
      clock: {
        now: () => view.now(),
        // This clock is never set.
        monotonic: () => clock.now,
        // Whole milliseconds, like all times here.
        setTimeout: (callback, delayMs) => view.setTimeout(callback, Math.round(delayMs)),
        clearTimeout: (handle) => {
          view.clearTimeout(handle);
        },
      },
      random: random.next,
      logger,
      acceptAfterMs,
    });
    this.#census.identity.onChange((identity) => {
      for (const connection of [...this.#open.values()])
        if (connection.backend.identity() !== identity) connection.end();
    });
  }

  /** What it knows of its cluster. */
  get identity(): Pick<KnownIdentity, 'known' | 'isConfirmed'> {
    return this.#census.identity;
  }

  /** Takes an identity for that of its cluster before anybody has told one. */
  assume(identity: string): void {
    this.#census.identity.assume(identity);
  }

  /** Sends a call to a backend that may serve it. */
  async call<T>(kind: 'read' | 'write', call: DriverCall, run: (backend: Backend) => Promise<T>): Promise<T> {
    const connection = await this.get(call).catch((error: unknown) => {
      // Only the identity was asked for, so nothing was applied.
      throw kind === 'write' && isStoreError(error) ? notApplied(error) : error;
    });
    const { link, name } = this.#options;
    const { backend, endpoint } = connection;
    const { result, identity } = await link.call(kind, call, async () => {
      if (!connection.isOpen) throw link.outage(kind === 'write' ? 'unknown' : undefined);
      backend.foreign?.serve(name, kind);
      return { result: await run(backend), identity: backend.identity() };
    });
    try {
      this.#census.check(endpoint, identity);
    } catch (error) {
      connection.end();
      throw kind === 'write' && isStoreError(error) ? outcomeUnknown(error) : error;
    }
    return result;
  }

  /** A connection that may serve: an open one, or a new one to the first reachable endpoint, in random order. */
  async get(call: DriverCall): Promise<Connection> {
    const { endpoints, link, random } = this.#options;
    const { names } = endpoints;
    const first = names.length === 1 ? 0 : random.below(names.length);
    let failure: unknown = link.outage(undefined);
    for (let tried = 0; tried < names.length; tried += 1) {
      const name = names[(first + tried) % names.length] ?? '';
      const open = this.#open.get(name);
      if (open !== undefined) return open;
      try {
        return await this.#connect(name, call);
      } catch (error) {
        if (call.signal?.aborted === true) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  /** Ends all of them. */
  close(): void {
    this.#census.close();
    for (const connection of [...this.#open.values()]) connection.end();
  }

  async #connect(name: string, call: DriverCall): Promise<Connection> {
    const { link, count } = this.#options;
    const connection = this.#reach(name);
    if (connection === undefined) throw link.outage(undefined);
    const forget = link.onReset(() => {
      connection.end();
    });
    connection.onEnd(forget);
    try {
      await this.#census.admit(name, await this.#ask(connection, call));
    } catch (error) {
      if (connection.backend.foreign !== undefined && connection.isOpen) count('foreign member refused');
      connection.end();
      throw error;
    }
    if (!connection.isOpen) throw link.outage(undefined);
    this.#open.get(name)?.end();
    this.#open.set(name, connection);
    connection.onEnd(() => {
      if (this.#open.get(name) === connection) this.#open.delete(name);
    });
    return connection;
  }

  #reach(name: string): Connection | undefined {
    const { endpoints, name: client, random } = this.#options;
    return endpoints.connect(name, client, random);
  }

  #ask(connection: Connection, call: DriverCall): Promise<string> {
    const { link } = this.#options;
    return link.call('read', call, async () => {
      if (!connection.isOpen) throw link.outage(undefined);
      return connection.backend.identity();
    });
  }

  /** Asks for the identity over a connection that is then closed. */
  async #probe(name: string, signal: AbortSignal): Promise<string> {
    const { link } = this.#options;
    const connection = this.#reach(name);
    if (connection === undefined) throw link.outage(undefined);
    const late = new AbortController();
    link.wait(PROBE_MS, () => {
      late.abort(new StoreError('timeout', `${name} did not tell its identity within ${PROBE_MS} ms`));
    });
    const onAbort = () => {
      late.abort(signal.reason);
    };
    addAbortListener(signal, onAbort);
    try {
      return await this.#ask(connection, { signal: late.signal });
    } finally {
      removeAbortListener(signal, onAbort);
      connection.end();
    }
  }
}

function notApplied(error: StoreError): StoreError {
  return new StoreError(error.code, error.message, { outcome: 'not-applied', cause: error });
}

function outcomeUnknown(error: StoreError): StoreError {
  return new StoreError(error.code, error.message, { outcome: 'unknown', cause: error });
}
