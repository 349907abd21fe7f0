import { z } from 'zod';
import type { ConfigEntry } from './config-entry.js';

/** The configuration of a small API gateway, as zod schemas. Values that don't fit are kept out of the mirror. */
export const Route = z.object({
  uri: z.string().startsWith('/'),
  methods: z.array(z.enum(['GET', 'POST', 'PUT', 'DELETE'])).optional(),
  upstream: z.string(),
});
export const Upstream = z.object({
  type: z.enum(['roundrobin', 'least_conn']),
  nodes: z.record(z.string(), z.int().positive()),
});
export const Limits = z.object({ requestsPerSecond: z.int().positive(), burst: z.int().nonnegative() });

export type Route = z.infer<typeof Route>;
export type Upstream = z.infer<typeof Upstream>;
export type Limits = z.infer<typeof Limits>;

/** The quickstart's own configuration: a shop behind a gateway. */
export const gatewayConfig: readonly ConfigEntry[] = [
  route('home', { uri: '/', upstream: 'web' }),
  route('assets', { uri: '/assets/*', methods: ['GET'], upstream: 'cdn' }),
  route('catalog', { uri: '/api/catalog/*', methods: ['GET'], upstream: 'catalog' }),
  route('cart', { uri: '/api/cart/*', upstream: 'cart' }),
  route('checkout', { uri: '/api/checkout', methods: ['POST'], upstream: 'payments-v1' }),
  route('legacy', { uri: '/old/*', upstream: 'web' }),
  upstream('web', { type: 'roundrobin', nodes: { '10.0.1.11:8080': 1, '10.0.1.12:8080': 1 } }),
  upstream('cdn', { type: 'roundrobin', nodes: { '10.0.2.11:80': 1 } }),
  upstream('catalog', { type: 'least_conn', nodes: { '10.0.3.11:8080': 2, '10.0.3.12:8080': 1 } }),
  upstream('cart', { type: 'roundrobin', nodes: { '10.0.4.11:8080': 1 } }),
  upstream('payments-v1', { type: 'roundrobin', nodes: { '10.0.5.11:8443': 1 } }),
  limits({ requestsPerSecond: 200, burst: 50 }),
];

export function route(id: string, value: Route): ConfigEntry {
  return { key: `/gateway/routes/${id}`, value: JSON.stringify(value) };
}

export function upstream(id: string, value: Upstream): ConfigEntry {
  return { key: `/gateway/upstreams/${id}`, value: JSON.stringify(value) };
}

export function limits(value: Limits): ConfigEntry {
  return { key: '/gateway/limits', value: JSON.stringify(value) };
}
