import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import { Backoff, messageOf, sleep, whenAborted, type Doorbell } from '@holdfast/adapter-kit';
import type { Backend } from '../backend.js';
import type { Settings } from '../options.js';
import { plainText } from '../sql/literals.js';

/** How long a test notification may take, and how long until listening is tried again where it did not come, in milliseconds. */
const TEST_MS = 5_000;
const RETRY_MS = 60_000;

/**
 * The one connection that keeps something between requests: it listens for notifications of changes. They only shorten the wait of a watch.
 * After each time that it begins to listen, watches look: what happened before has notified nobody.
 */
export class Listener {
  readonly #backend: Backend;
  readonly #settings: Settings;
  #ring: (() => void) | undefined;
  #warned = false;

  constructor(backend: Backend, settings: Settings) {
    this.#backend = backend;
    this.#settings = settings;
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
      this.#ring = undefined;
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
      await Promise.race([client.query(`LISTEN "${tables.channel}"`), ended]);
      backoff.reset();
      began();
      ring();
      await this.#backend.connections.use(
        (session) => session.run(`SELECT pg_notify(${plainText(tables.channel)}, ${plainText(test)})`),
        { signal },
      );
      const inTime = await Promise.race([
        isHeard,
        ended,
        sleep(this.#settings.clock, TEST_MS, signal).catch(() => true),
      ]);
      if (inTime === undefined) return this.#notHeard();
      await ended;
      return undefined;
    } finally {
      client.end().catch(() => undefined);
    }
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
