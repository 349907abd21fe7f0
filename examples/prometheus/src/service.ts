import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openSession, type Session, type SessionClock } from '@holdfast/coordination';
import { json, mirror, type Mirror } from '@holdfast/core';
import type { ConfigStore } from '@holdfast/store';
import { holdfastMetrics } from './metrics.js';

export interface ServiceOptions {
  readonly store: ConfigStore;
  readonly port?: number;
  /** Not ready after this long without the store, in milliseconds. Default: ready for as long as it takes. */
  readonly maxStaleMs?: number;
  /** For tests. */
  readonly clock?: SessionClock;
}

export interface Service {
  readonly url: string;
  readonly routes: Mirror<unknown, unknown>;
  readonly session: Session;
  close(): Promise<void>;
}

/** A service that works with routes from a store, and says how it is: `/metrics`, `/healthz` and `/readyz`. */
export async function startService({ store, port = 0, maxStaleMs, clock }: ServiceOptions): Promise<Service> {
  const metrics = holdfastMetrics();
  const routes = await mirror(store, { prefix: '/app/routes/', name: 'routes', codec: json(), clock });
  const session = await openSession(store, { clock });

  const server = createServer((request, response) => {
    switch (request.url) {
      case '/metrics':
        void metrics.registry.metrics().then((text) => {
          answer(response, 200, metrics.registry.contentType, text);
        });
        return;
      // Alive: the process answers. A restart would bring no store back, so the mirror has no say in it.
      case '/healthz':
        answer(response, 200, 'text/plain', 'alive\n');
        return;
      // Ready: there is a configuration to work with.
      case '/readyz': {
        const health = routes.health({ maxStaleMs });
        answer(response, health.ready ? 200 : 503, 'application/json', JSON.stringify(health));
        return;
      }
      default:
        answer(response, 404, 'text/plain', 'try /metrics, /healthz or /readyz\n');
    }
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    routes,
    session,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      // Without the store it can't be revoked: then it runs out by itself.
      await session.close().catch(() => undefined);
      await routes.close();
      metrics.close();
    },
  };
}

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type }).end(body);
}
