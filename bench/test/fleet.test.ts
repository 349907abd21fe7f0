import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { findEtcd, startEtcd } from '@holdfast/testkit';
import { fleetSide } from '../src/harness/fleet-side.js';
import type { Results } from '../src/harness/results.js';
import { callsOn, ServerMeter } from '../src/harness/server-meter.js';
import { verdictsOf } from '../src/harness/verdict.js';
import type { FleetPeer } from '../src/peers/fleet-client.js';
import { contentOf, rewriteInBatches, seed } from '../src/peers/seed.js';
import { fleetRows } from '../src/rows/fleet.js';

const root = join(__dirname, '..', '..');

test('rows of fleets still run, on sizes that say nothing about speed', async () => {
  const etcd = findEtcd({});
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
  try {
    const out = join(folder, 'results.json');
    const sizes = ['--clients', '3', '--keys', '200', '--rounds', '1'];
    const names = ['fleet-comeback-compacted', 'fleet-catch-up'];
    const only = names.flatMap((name) => ['--only', name]);
    const args = ['.ci/bench.mjs', '--fleet', ...only, ...sizes, '--etcd', etcd.etcd, '--out', out];
    await promisify(execFile)(process.execPath, args, { cwd: root, maxBuffer: 1 << 24 });
    const results = JSON.parse(readFileSync(out, 'utf8')) as Results;
    expect(results.rows.map(({ row, clients, keys }) => ({ row, clients, keys }))).toEqual(
      names.map((row) => ({ row, clients: 3, keys: 200 })),
    );
    for (const result of results.rows) {
      const row = fleetRows.find(({ name }) => name === result.row)!;
      expect(verdictsOf(row, result).filter(({ ours }) => !Number.isFinite(ours.median))).toEqual([]);
      // Go's is there if Go is.
      expect(Object.keys(result.figures)).toEqual(expect.arrayContaining(['mirror', 'etcd3']));
      for (const side of Object.values(result.figures)) {
        expect(side).toMatchObject({ unequal: [0], failedWrites: [0] });
        // Every client has connected anew.
        expect(side['watchStreams']?.[0]).toBeGreaterThanOrEqual(3);
        expect(side['serverCpuMs']?.[0]).toBeGreaterThan(0);
        expect(side['writes']?.[0]).toBeGreaterThan(0);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a server's requests and CPU time are counted over its restart", async () => {
  await using etcd = await startEtcd();
  const [member] = etcd.members;
  const prefix = '/meter/';
  await seed(member!.endpoint, prefix, 100);
  const meter = await ServerMeter.begin(etcd);
  for (let read = 0; read < 3; read += 1) await contentOf(member!.endpoint, prefix);
  const before = await meter.read();
  expect(before.get('started Range')).toBe(3);
  await meter.kill(member!);
  expect((await meter.read()).get('started Range')).toBe(3);
  await member!.start();
  const started = (await meter.read()).get('started Range') ?? NaN;
  await rewriteInBatches(member!.endpoint, prefix, [1, 2, 3, 4], 2);
  for (let read = 0; read < 4; read += 1) await contentOf(member!.endpoint, prefix);
  const after = await meter.read();
  expect(after.get('started Range')).toBe(started + 4);
  expect(after.get('started Txn')).toBe(2);
  // A second process has started: that alone takes a while.
  expect(after.get('cpuMs')).toBeGreaterThan(before.get('cpuMs') ?? NaN);
});

test('cancelled calls are those that their client ended or that came too late, by method', () => {
  const handled = (code: string, method: string, count: number) =>
    `grpc_server_handled_total{grpc_code="${code}",grpc_method="${method}",grpc_service="etcdserverpb.KV",grpc_type="unary"} ${count}`;
  const page = [
    '# TYPE grpc_server_handled_total counter',
    handled('OK', 'Range', 7),
    handled('Canceled', 'Range', 2),
    handled('DeadlineExceeded', 'Range', 1),
    handled('Canceled', 'Watch', 5),
    'grpc_server_started_total{grpc_method="Range",grpc_service="etcdserverpb.KV",grpc_type="unary"} 10',
    'grpc_server_msg_received_total{grpc_method="Watch",grpc_service="etcdserverpb.Watch",grpc_type="bidi_stream"} 4',
  ].join('\n');
  expect([...callsOn(page)]).toEqual([
    ['cancelled Range', 3],
    ['cancelled Watch', 5],
    ['started Range', 10],
    ['messages Watch', 4],
  ]);
});

test('a client with other content, or without the last revision, is counted as unequal', async () => {
  const digests = ['1:right', '1:wrong', '1:right'];
  const peer: FleetPeer = {
    prepare: () => Promise.resolve(),
    open: () => {
      const digest = digests.shift()!;
      const head = digests.length === 0 ? 4 : 5;
      return Promise.resolve({ reloads: 1, timeouts: 2, isAt: (revision) => head >= revision, digest: () => digest });
    },
  };
  const heard: Record<string, unknown> = { target: 5, check: '1:right' };
  const { figures } = await fleetSide('', peer).run({
    params: { endpoints: 'http://127.0.0.1:1', prefix: '/', count: 3, first: 0, patienceMs: 20 },
    tell: () => undefined,
    hear: <T>(name: string) => Promise.resolve(heard[name] as T),
  });
  expect(figures).toMatchObject({ unequal: 2, reloads: 3, timeouts: 6 });
});
