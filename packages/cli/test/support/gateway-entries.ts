import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConfigEntry } from '../../src/quickstart/config-entry.js';
import { root } from './markdown-sample.js';

/** Real gateway configuration, where a checkout has it beside itself. */
const REAL = join(root, '..', 'shared', 'data', 'apisix-config.jsonl');

/** The entries of the real configuration, or generated ones of the same kind. Values are JSON. */
export function gatewayEntries(): { readonly origin: string; readonly entries: readonly ConfigEntry[] } {
  if (!existsSync(REAL)) return { origin: 'generated', entries: [...generateEntries(3_000)] };
  const lines = readFileSync(REAL, 'utf8').split('\n').filter(Boolean);
  const entries = lines.map((line) => {
    const { key, value } = JSON.parse(line) as { key: string; value: unknown };
    return { key, value: JSON.stringify(value) };
  });
  return { origin: 'real', entries };
}

/** The collections that keys below `/apisix/` belong to. */
export function collectionsOf(entries: readonly ConfigEntry[]): string[] {
  const names = entries.map(({ key }) => /^\/apisix\/([^/]+)\//.exec(key)?.[1]);
  return [...new Set(names)].filter((name) => name !== undefined).sort();
}

/**
 * Configuration of the kind that an API gateway keeps in etcd: mostly routes, of uneven sizes, some with text beyond
 * ASCII, and every hundredth of them invalid. The same number gives the same entries.
 */
export function* generateEntries(total: number): Generator<ConfigEntry> {
  for (let n = 0; n < total; n += 1) {
    const make = KINDS[n % KINDS.length] ?? route;
    yield make(n);
  }
}

const node = (n: number) => ({ [`10.${n % 7}.${n % 250}.${(n * 13) % 250}:80${n % 90}`]: 1 + (n % 3) });
const entry = (collection: string, n: number, value: unknown): ConfigEntry => ({
  key: `/apisix/${collection}/generated-${n}`,
  value: JSON.stringify(value),
});

function route(n: number): ConfigEntry {
  return entry('routes', n, {
    uri: n % 100 === 0 ? n : `/service-${n % 40}/path-${n}/*`,
    methods: n % 3 === 0 ? ['GET', 'POST'] : undefined,
    desc: n % 11 === 0 ? 'Überprüfung – 网关 🚦' : undefined,
    plugins: {
      'limit-count': { count: n % 500, time_window: 60, rejected_code: 503, key: 'remote_addr' },
      ...(n % 4 === 0 && {
        'proxy-rewrite': { headers: { 'x-api-version': `v${n % 5}`, 'x-id': 'a'.repeat(n % 200) } },
      }),
    },
    upstream_id: `generated-${n - (n % KINDS.length) + 5}`,
  });
}

function upstream(n: number): ConfigEntry {
  return entry('upstreams', n, {
    type: 'roundrobin',
    nodes: { ...node(n), ...node(n + 1) },
    timeout: { read: n % 60 },
  });
}

function consumer(n: number): ConfigEntry {
  return entry('consumers', n, { username: `user_${n}`, plugins: { 'key-auth': { key: `key-${n * 7919}` } } });
}

function service(n: number): ConfigEntry {
  return entry('services', n, {
    name: `service ${n}`,
    upstream_id: `generated-${n - 2}`,
    hosts: [`s${n}.example.com`],
  });
}

const KINDS = [route, route, route, route, route, upstream, consumer, service] as const;
