import { test } from '@jest/globals';
import { mirror } from '@holdfast/core';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { etcdV2Store } from '@holdfast/etcd-v2';
import { Random, eventually, startEtcd, startProxy } from '@holdfast/testkit';
import { PREFIX, type World } from '../src/world.js';
import { settingsOf } from '../src/settings.js';
import { allCells, nameOfCell, type Cell } from '../src/cell.js';
import { secureV2, secureV3 } from '../src/users.js';
import { historyFaults } from '../src/faults/history/index.js';
import { v2Outside, v3Outside } from '../../cli/test/faults/outside.js';

const log = (s: string) => process.stderr.write(s + '\n');
async function build(cell: Cell, secured: boolean): Promise<World & { close(): Promise<void> }> {
  const etcd = await startEtcd({ version: cell.version, nodes: cell.nodes, enableV2: true, args: ['--bcrypt-cost=4'] });
  const root = secured ? { auth: { username: 'root', password: 'root' } } : {};
  let token: string | undefined;
  const api = async <A,>(path: string, body: object): Promise<A> => {
    if (!secured) return etcd.api<A>(path, body as Record<string, unknown>);
    for (let i = 0; ; i++) {
      token ??= (await etcd.api<{ token: string }>('auth/authenticate', { name: 'root', password: 'root' })).token;
      const response = await fetch(`${etcd.endpoints[0]!}/v3/${path}`, { method: 'POST', headers: { authorization: token }, body: JSON.stringify(body) });
      const text = await response.text();
      if (response.ok) return JSON.parse(text) as A;
      token = undefined;
      if (i > 3) throw new Error(text);
    }
  };
  if (secured) {
    await (cell.api === 'v3' ? secureV3 : secureV2)(etcd);
  }
  const ctlFlags = secured ? ['--user=root:root'] : [];
  const open = cell.api === 'v3' ? etcdV3Store : etcdV2Store;
  const settings = settingsOf(cell.api);
  const proxies = await Promise.all(etcd.endpoints.map((e) => startProxy(e)));
  const common = { keepalive: settings.keepalive, retry: settings.retry, timeouts: { connectMs: settings.connectMs } };
  const store = open({ endpoints: proxies.map((p) => p.endpoint), ...common, ...(secured ? { auth: { username: 'tester', password: 'tester' } } : {}) });
  const direct = open({ endpoints: etcd.endpoints, ...common, ...root });
  let paused = 0, stopped = false, n = 0, inflight = false;
  const running = (async () => {
    while (!stopped) {
      if (paused > 0) { await new Promise((r) => setTimeout(r, 5)); continue; }
      inflight = true;
      try { await direct.put(n % 2 ? `${PREFIX}w/${n % 40}` : `${PREFIX}beacon`, String(n++)); } catch { /* */ }
      inflight = false;
      await new Promise((r) => setTimeout(r, 10));
    }
  })();
  const out = cell.api === 'v3' ? v3Outside(etcd, ...ctlFlags) : v2Outside(etcd);
  const outside = {
    held: async (prefix: string) => {
      const entries = new Map([...(await out.held(prefix))].map(([k, { json, ...r }]) => [prefix + k, { value: json, ...r }]));
      const newest = Math.max(1, ...[...entries.values()].map((e) => e.modRevision));
      const revision = cell.api === 'v3' ? Number((await api<{header:{revision:string}}>('kv/range', {key: btoa('x')})).header.revision) : Number((await fetch(`${etcd.endpoints[0]!}/v2/keys/?quorum=true`)).headers.get('x-etcd-index'));
      return { revision: Math.max(newest, revision), entries };
    },
    watchers: () => out.watchers(),
  };
  await direct.put(`${PREFIX}key`, '1');
  const opts = { livenessMs: settings.livenessMs, backoff: settings.backoff };
  const ms = [
    { name: 'plain' as const, mirror: await mirror(store, { prefix: PREFIX, ...opts }), resyncs: [] as string[] },
    { name: 'key' as const, mirror: await mirror(store, { key: `${PREFIX}beacon`, ...opts }), resyncs: [] as string[] },
  ];
  for (const m of ms) m.mirror.on('resync', (e) => m.resyncs.push(e.reason));
  return {
    cell, settings, etcd, proxies, links: undefined, store, direct, outside, ctlFlags, api, user: secured ? 'app' : undefined,
    writers: { pause: async () => { paused++; await eventually(() => !inflight); }, resume: () => { paused--; } },
    truth: { catchUp: async () => {} },
    mirrors: ms as never,
    disconnect: async () => { for (const p of proxies) { p.refuse(); p.cut(); } await eventually(() => proxies.every((p) => p.connections === 0)); },
    connect: async () => { await Promise.all(proxies.map((p) => p.allow())); },
    beginEpoch: async () => {},
    close: async () => { stopped = true; await running; for (const m of ms) await m.mirror.close(); await store.close(); await direct.close(); for (const p of proxies) await p.close(); await etcd.close(); },
  };
}
const kinds = process.env['KINDS']?.split(',');
const cells = process.env['CELLS']?.split(',');
const count = Number(process.env['COUNT'] ?? 3);
for (const cell of allCells) {
  if (cells && !cells.includes(nameOfCell(cell))) continue;
  test(nameOfCell(cell), async () => {
    for (const world of ['plain', 'secured'] as const) {
      const some = historyFaults.filter((f) => (kinds === undefined || kinds.includes(f.kind)) && f.appliesTo(cell) && (f.world ?? 'plain') === world);
      if (some.length === 0) continue;
      let w = await build(cell, world === 'secured');
      for (const f of some) for (let i = 0; i < count; i++) {
        const seed = Math.floor(Math.random() * 1e6);
        const t0 = Date.now();
        try {
          const before = w.mirrors.map((m) => m.resyncs.length);
          const inj = await f.inject(w, new Random(seed));
          const t1 = Date.now();
          await inj.heal();
          const t2 = Date.now();
          await w.writers.pause();
          const held = await w.outside.held(PREFIX);
          const plain = w.mirrors[0]!.mirror as never as Map<string, { modRevision: number; value: Uint8Array }>;
          await eventually(() => {
            for (const m of w.mirrors) if (m.mirror.state.status !== 'live') throw new Error(JSON.stringify(m.mirror.state));
            if (plain.size !== held.entries.size) throw new Error('size');
            for (const [k, e] of held.entries) { const x = plain.get(k.slice(PREFIX.length)); if (x?.modRevision !== e.modRevision || Buffer.from(x.value).toString() !== e.value) throw new Error(k); }
          }, { timeoutMs: 20000, intervalMs: 5 });
          log(`${nameOfCell(cell)} ${f.kind} seed ${seed} inject ${t1 - t0} heal ${t2 - t1} converge ${Date.now() - t2} ${JSON.stringify(inj.details)} ${w.mirrors.map((m, i) => m.resyncs.slice(before[i])).join(';')}`);
          w.writers.resume();
          if (inj.endsWorld) { await w.close(); w = await build(cell, world === 'secured'); }
        } catch (e) { log(`${nameOfCell(cell)} ${f.kind} seed ${seed} FAILED ${(e as Error).stack}`); await w.close(); w = await build(cell, world === 'secured'); }
      }
      await w.close();
    }
  }, 600000);
}
