import { json } from '@holdfast/core';
import { gatewayConfig, limits, Limits, route, Route, upstream, Upstream } from './gateway-config.js';
import type { Plan } from './plan.js';

/** The quickstart's own configuration, and what happens to it. */
export const gatewayPlan: Plan = {
  title: 'a small gateway of our own',
  entries: gatewayConfig,
  prefix: '/gateway/',
  collections: {
    routes: { prefix: 'routes/', codec: json(), schema: Route },
    upstreams: { prefix: 'upstreams/', codec: json(), schema: Upstream },
    limits: { key: 'limits', codec: json(), schema: Limits },
  },
  liveChange: upstream('cart', { type: 'roundrobin', nodes: { '10.0.4.11:8080': 1, '10.0.4.12:8080': 1 } }),
  together: [
    upstream('payments-v2', { type: 'least_conn', nodes: { '10.0.6.11:8443': 1, '10.0.6.12:8443': 1 } }),
    route('checkout', { uri: '/api/checkout', methods: ['POST'], upstream: 'payments-v2' }),
    limits({ requestsPerSecond: 400, burst: 100 }),
  ],
  badValue: { key: '/gateway/routes/catalog', value: JSON.stringify({ uri: 42, upstream: 'catalog' }) },
  missed: {
    changed: [
      route('home', { uri: '/', upstream: 'cdn' }),
      route('home', { uri: '/', methods: ['GET'], upstream: 'web' }),
    ],
    shortLived: upstream('canary', { type: 'roundrobin', nodes: { '10.0.9.9:8080': 1 } }),
    deleted: '/gateway/routes/legacy',
  },
};
