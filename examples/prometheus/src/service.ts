import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openSession, type Session, type SessionClock } from '@holdfast/coordination';
import { json, mirror, type Mirror, type MirrorState } from '@holdfast/core';
import type { ConfigStore } from '@holdfast/store';
import { holdfastMetrics } from './metrics.js';

export interface ServiceOptions {
  readonly store: ConfigStore;
  readonly port?: number;
  /** Not ready after this long without the store, in milliseconds. Default: ready for as long as it takes. */
  readonly maxStaleMs?: number;
  /** How long the service waits for the store, in milliseconds. Default: 30,000, as every mirror. */
  readonly startTimeoutMs?: number;
  /** For tests. */
  readonly clock?: SessionClock;
}

/** What the service works with. */
export interface Loaded {
  readonly routes: Mirror<unknown, unknown>;
  readonly session: Session;
}

export interface Service {
  readonly url: string;
  /** Resolves when the service is ready. Rejects if it can't be: then it has closed everything that it opened. */
  readonly loaded: Promise<Loaded>;
  close(): Promise<void>;
}

/**
 * A service that works with routes from a store, and says how it is: `/metrics`, `/healthz` and `/readyz`. It answers these before it asks
 * the store for anything: a service that starts in an outage is alive, and not ready.
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const metrics = holdfastMetrics();
  const starting = new AbortController();
  let loaded: Loaded | undefined;
  let state: { readonly status: MirrorState['status'] } = { status: 'loading' };

  const server = createServer((request, response) => {
    switch (request.url) {
      case '/metrics':
        void metrics.registry.metrics().then((text) => {
          answer(response, 200, metrics.registry.contentType, text);
        });
        return;
      // Alive: the process answers. A restart would bring no store back, so the store has no say in it.
      case '/healthz':
        answer(response, 200, 'text/plain', 'alive\n');
        return;
      // Ready: there is a configuration to work with.
      case '/readyz': {
        const health = loaded?.routes.health({ maxStaleMs: options.maxStaleMs }) ?? { ready: false, ...state };
        answer(response, health.ready ? 200 : 503, 'application/json', JSON.stringify(health));
        return;
      }
      default:
        answer(response, 404, 'text/plain', 'try /metrics, /healthz or /readyz\n');
    }
  });
  try {
    await listen(server, options.port);
  } catch (error) {
    metrics.close();
    throw error;
  }
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const loading = load(options, starting.signal, (now) => (state = now));
  let closing: Promise<void> | undefined;
  const close = () => (closing ??= closeAll());
  async function closeAll(): Promise<void> {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
    if (loaded === undefined) starting.abort();
    const opened = await loading.catch(() => undefined);
    // Without the store it can't be revoked: then it runs out by itself.
    await opened?.session.close().catch(() => undefined);
    await opened?.routes.close();
    metrics.close();
  }

  const ready = loading.then(
    (opened) => (loaded = opened),
    async (error: unknown) => {
      await close();
      throw error;
    },
  );
  // Whoever only closes the service need not wait for it to load.
  ready.catch(() => undefined);
  return { url, loaded: ready, close };
}

/** Rejects if the port is taken. */
async function listen(server: Server, port = 0): Promise<void> {
  const listening = once(server, 'listening');
  server.listen(port, '127.0.0.1');
  await listening;
}

/** Opens all or nothing. */
async function load(
  { store, startTimeoutMs, clock }: ServiceOptions,
  signal: AbortSignal,
  onState: (state: MirrorState) => void,
): Promise<Loaded> {
  const range = { prefix: '/app/routes/', name: 'routes', codec: json() };
  const routes = await mirror(store, { ...range, startTimeoutMs, clock, signal, onState });
  try {
    return { routes, session: await openSession(store, { clock, signal }) };
  } catch (error) {
    await routes.close();
    throw error;
  }
}

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type }).end(body);
}
