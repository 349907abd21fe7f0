import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import { Backoff, messageOf, sleep, whenAborted, type Doorbell } from '@holdfast/adapter-kit';
import type { Backend } from '../backend.js';
import type { Settings } from '../options.js';
import { plainText } from '../sql/literals.js';

/** How long a test notification may take, and how long until listening is tried again where it did not come, in milliseconds. */
const TEST_MS = 5_000;
const RETRY_MS = 60_000;
/** How often a connection on which nothing happens is asked whether it is still there, and how long its answer may take, in milliseconds. */
const PROBE_EVERY_MS = 30_000;
const ANSWER_MS = 10_000;
/**
 * The server ends its own side after a minute without a sign of life, and not after two hours; and never since nothing is asked of it.
 * PostgreSQL 14 is the first with an idle_session_timeout.
 */
const STAY = `SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3;
SELECT set_config('idle_session_timeout', '0', false) WHERE current_setting('idle_session_timeout', true) IS NOT NULL`;

/**
 * The one connection that keeps something between requests: it listens for notifications of changes. They only shorten the wait of a watch.
 * After each time that it begins to listen, watches look: what happened before has notified nobody.
 */
export class Listener {
  readonly #backend: Backend;
  readonly #settings: Settings;
  #ring: (() => void) | undefined;
  #probe: (() => void) | undefined;
  #warned = false;

  constructor(backend: Backend, settings: Settings) {
    this.#backend = backend;
    this.#settings = settings;
    // The connection that listens may be half-open, too. If it does not answer, another one takes its place.
    backend.connections.onLost = () => {
      this.#probe?.();
    };
  }

  /** Tells the watches of this process, which need no notification. */
  ring(): void {
    this.#ring?.();
  }

  readonly doorbell: Doorbell = async (ring) => {
    this.#ring = ring;
    const stopping = new AbortController();
    let began: () => void = () => undefined;
    const first = new Promise<void>((resolve) => (began = resolve));
    const running = this.#settings.listen === false ? began() : this.#run(ring, began, stopping.signal);
    await first;
    return async () => {
      stopping.abort(new Error('nobody watches any more'));
      await running;
    };
  };

  async #run(ring: () => void, began: () => void, signal: AbortSignal): Promise<void> {
    const { clock } = this.#settings;
    const backoff = new Backoff({ maxMs: 5_000 });
    while (!signal.aborted) {
      let pauseMs: number | undefined;
      try {
        pauseMs = await this.#listen(ring, began, backoff, signal);
      } catch (error) {
        this.#backend.logger.debug(`${this.#backend.endpoint}: can't listen for notifications: ${messageOf(error)}`);
      }
      began();
      await sleep(clock, pauseMs ?? backoff.next(), signal).catch(() => undefined);
    }
  }

  /** Listens until the connection ends. Gives how long to pause then. */
  async #listen(
    ring: () => void,
    began: () => void,
    backoff: Backoff,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { listen, tables } = this.#settings;
    const client = this.#backend.connections.dedicated(typeof listen === 'object' ? listen : undefined);
    const test = `test:${randomUUID()}`;
    let heard: () => void = () => undefined;
    const isHeard = new Promise<true>((resolve) => (heard = () => resolve(true)));
    client.on('notification', ({ payload }) => {
      if (payload === test) heard();
      else if (payload?.startsWith('test:') !== true) ring();
    });
    const ended = endOf(client, signal);
    try {
      await Promise.race([client.connect(), ended]);
      if (signal.aborted) return undefined;
      (client as { unref?: () => void }).unref?.();
      if ((await this.#ask(client, this.#statement, ended)) === 'ended') return undefined;
      backoff.reset();
      began();
      ring();
      await this.#backend.connections.use(
        (session) => session.run(`SELECT pg_notify(${plainText(tables.channel)}, ${plainText(test)})`),
        { signal },
      );
      const isInTime = (await this.#within(TEST_MS, isHeard, ended)) !== undefined;
      // A connection that is half-open hears nothing, too, and no pooler is to blame.
      if (!isInTime && (await this.#ask(client, this.#statement, ended)) === 'answered') return this.#notHeard();
      await this.#keep(client, ended, signal);
      return undefined;
    } finally {
      // One that owes an answer is destroyed.
      client.end().catch(() => undefined);
    }
  }

  /** Resolves when the connection has ended. @throws where it does not answer any more */
  async #keep(client: Client, ended: Promise<'ended'>, signal: AbortSignal): Promise<void> {
    // What a pooler would hand on is set only where there is none.
    await this.#ask(client, STAY, ended);
    while (!signal.aborted) {
      if ((await this.#ask(client, this.#statement, ended)) === 'ended') return;
      const asked = new Promise<void>((resolve) => (this.#probe = resolve));
      if ((await this.#within(PROBE_EVERY_MS, asked, ended)) === 'ended') return;
    }
  }

  /** @throws where there is no answer in time */
  async #ask(client: Client, statement: string, ended: Promise<'ended'>): Promise<'answered' | 'ended'> {
    const ms = Math.min(ANSWER_MS, this.#settings.requestMs);
    const answer = client.query(statement).then(() => 'answered' as const);
    const how = await this.#within(ms, answer, ended);
    if (how === undefined)
      throw new Error(`the connection that listens did not answer within ${ms} ms; another one is opened`);
    return how;
  }

  /** The first of some promises, or undefined when the time is out. */
  async #within<T extends readonly Promise<unknown>[]>(
    ms: number,
    ...promises: T
  ): Promise<Awaited<T[number]> | undefined> {
    const { clock } = this.#settings;
    let timer: unknown;
    const late = new Promise<undefined>((resolve) => {
      timer = clock.setTimeout(() => {
        resolve(undefined);
      }, ms);
    });
    try {
      return await Promise.race([...(promises as readonly Promise<Awaited<T[number]>>[]), late]);
    } finally {
      clock.clearTimeout(timer);
    }
  }

  /** It may be said again: only a connection that does not listen yet begins to. */
  get #statement(): string {
    return `LISTEN "${this.#settings.tables.channel}"`;
  }

  #notHeard(): number {
    if (!this.#warned) {
      this.#warned = true;
      this.#backend.logger.warn(
        `${this.#backend.endpoint}: a test notification did not come within ${TEST_MS} ms, so watches look every ${this.#settings.pollMs} ms; behind a pooler in transaction mode, give listen: { connectionString } of the database itself, or listen: false`,
      );
    }
    return RETRY_MS;
  }
}

/** Resolves when the connection is over, or nobody needs it any more. */
function endOf(client: Client, signal: AbortSignal): Promise<'ended'> {
  return new Promise((resolve) => {
    const end = () => {
      resolve('ended');
    };
    client.on('error', end);
    client.on('end', end);
    whenAborted(signal, end);
  });
}
