import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mirror } from '@holdfast/core';
import type { ConfigStore } from '@holdfast/store';
import { z } from 'zod';

const Route = z.object({ path: z.string().startsWith('/'), upstream: z.string() });
const Upstream = z.object({ nodes: z.array(z.url()).min(1) });
const Settings = z.object({ maintenance: z.boolean() });

/**
 * An HTTP gateway whose routes are in a config store. It knows only the contract: whoever starts it chooses the store, etcd or the
 * embedded one. Requests read the configuration from memory, and never wait for the store. It listens once it has a configuration:
 * `/-/health` is for readiness, not for liveness.
 */
export async function startGateway(store: ConfigStore, port = 0) {
  // One mirror: a route and the upstream that it names change together if one transaction wrote both.
  const config = await mirror(store, {
    prefix: '/gateway/',
    collections: {
      routes: { schema: Route },
      upstreams: { schema: Upstream },
      settings: { key: 'settings', schema: Settings },
    },
  });

  // Built when the configuration changes, so that a request only looks it up. The longest path comes first.
  const sortRoutes = () =>
    [...config.routes.values()].map(({ value }) => value).sort((a, b) => b.path.length - a.path.length);
  let routes = sortRoutes();
  config.routes.on('change', () => (routes = sortRoutes()));

  let turn = 0;
  const server = createServer((incoming, outgoing) => {
    const { url = '/' } = incoming;
    if (url === '/-/health') {
      const health = config.health();
      return answer(outgoing, health.ready ? 200 : 503, {
        ...health,
        state: config.state,
        problems: config.problems(),
      });
    }
    if (config.settings.value?.maintenance === true) return answer(outgoing, 503, { error: 'down for maintenance' });
    const route = routes.find(({ path }) => url.startsWith(path));
    if (route === undefined) return answer(outgoing, 404, { error: `no route for ${url}` });
    const nodes = config.upstreams.get(route.upstream)?.value.nodes ?? [];
    const node = nodes[(turn += 1) % nodes.length];
    if (node === undefined) return answer(outgoing, 502, { error: `no upstream ${route.upstream}` });
    forward(incoming, outgoing, new URL(url, node));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening').catch(async (error: unknown) => {
    await config.close();
    throw error;
  });

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    config,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await config.close();
    },
  };
}

function forward(incoming: IncomingMessage, outgoing: ServerResponse, target: URL): void {
  const { method, headers } = incoming;
  const upstream = request(target, { method, headers: { ...headers, host: target.host } }, (reply) => {
    outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
    reply.pipe(outgoing);
  });
  upstream.on('error', (error) => {
    if (outgoing.headersSent) outgoing.destroy(error);
    else answer(outgoing, 502, { error: error.message });
  });
  incoming.pipe(upstream);
}

function answer(outgoing: ServerResponse, status: number, body: object): void {
  outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
