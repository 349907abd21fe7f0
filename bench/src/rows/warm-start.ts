import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assertEqualContent } from '../harness/equal-content.js';
import { loadSide } from '../harness/load-side.js';
import { sideOf } from '../harness/other-checkout.js';
import type { Row, Sample } from '../harness/row.js';
import { fileSide, resumeSide, snapshotWriter } from '../harness/warm-side.js';
import { loadMirror } from '../peers/loaders.js';
import { rewrite, seed } from '../peers/seed.js';

export const row: Row = {
  name: 'warm-start',
  title: 'Start from a snapshot',
  about:
    'From a file, while the store is down: from turning to the file to everything shown. Load: the same prefix from etcd, connection included. Resume: from a file to live, after a part of the keys has changed; bytes are counted by a proxy, and a load beside it.',
  server: 'etcd',
  ours: ['lazyFile', 'eagerFile', 'lazyLoad', 'eagerLoad', 'lazyResume', 'eagerResume'],
  sides: {
    lazyFile: fileSide("mirror from its file, decode: 'lazy'", 'lazy'),
    lazyLoad: loadSide("mirror from etcd, decode: 'lazy'", loadMirror('lazy')),
    eagerFile: fileSide("mirror from its file, decode: 'eager', JSON", 'eager'),
    eagerLoad: loadSide("mirror from etcd, decode: 'eager', JSON", loadMirror('eager')),
    lazyResume: resumeSide("mirror that resumes, decode: 'lazy'", 'lazy'),
    eagerResume: resumeSide("mirror that resumes, decode: 'eager', JSON", 'eager'),
  },
  helpers: { writer: snapshotWriter },
  metrics: {
    ms: { label: 'time', unit: 'ms' },
    stallMs: { label: 'longest stall', unit: 'ms' },
    cpuMs: { label: 'CPU', unit: 'ms' },
    bytes: { label: 'on the wire', unit: 'MB' },
    peakBytes: { label: 'peak RSS above start', unit: 'MB' },
  },
  goals: [
    {
      what: 'lazy mirror shown from its file, time against a load',
      ours: { side: 'lazyFile', metric: 'ms' },
      kind: 'ratio',
      peer: { side: 'lazyLoad', metric: 'ms' },
      limit: 0.5,
    },
    {
      what: 'resume, bytes on the wire against a load',
      ours: { side: 'lazyResume', metric: 'bytes' },
      kind: 'ratio',
      peer: { side: 'lazyLoad', metric: 'bytes' },
      limit: 0.1,
    },
  ],
  async start(bench) {
    const { endpoint } = await bench.etcd();
    const { keys, warmupKeys, changed } = bench.scale;
    const [prefix, warmupPrefix] = ['/bench/routes/', '/bench/warmup/'];
    await seed(endpoint, prefix, keys);
    await seed(endpoint, warmupPrefix, warmupKeys);
    const indexes = Array.from({ length: changed }, (_, index) => index);
    return async () => {
      const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
      try {
        const written = join(folder, 'written');
        const paths = (at: string) => ({ path: join(at, 'config'), warmupPath: join(at, 'warmup') });
        await bench.start('writer', { endpoint, prefix, warmupPrefix, ...paths(written) }).result;
        const samples: Record<string, Sample> = {};
        const run = async (name: string) => {
          // Each with files of its own: who resumes writes them.
          const own = join(folder, name.replaceAll(/\W/g, '-'));
          cpSync(written, own, { recursive: true });
          const proxy = await bench.proxy(endpoint);
          const side = bench.start(name, { endpoint: proxy.endpoint, prefix, warmupPrefix, ...paths(own) });
          if (sideOf(name).side.endsWith('Load')) await side.hear('warmed up');
          const before = proxy.bytesToClient;
          const { figures, digest = '' } = await side.result;
          samples[name] = { figures: { ...figures, bytes: proxy.bytesToClient - before }, digest };
          await proxy.close();
        };
        const resumes = (name: string) => sideOf(name).side.endsWith('Resume');
        for (const name of bench.order()) if (!resumes(name)) await run(name);
        assertEqualContent(samples);
        const before = { ...samples };
        await rewrite(endpoint, prefix, indexes, bench.round + 2);
        for (const name of bench.order()) if (resumes(name)) await run(name);
        assertEqualContent(Object.fromEntries(Object.entries(samples).filter(([name]) => !(name in before))));
        return samples;
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    };
  },
};
