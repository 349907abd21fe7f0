import { setTimeout as delay } from 'node:timers/promises';
import type { Bench } from './bench.js';
import { assertEqualContent } from './equal-content.js';
import { sharedNow } from './measure.js';
import type { Sample } from './row.js';
import type { Params } from './task.js';

/**
 * One round of sides that lose their connection, miss what `change` does, and come back. A side tells `ready`, hears
 * `begin`, loads what it loads, tells `loaded`; hears `head` (the revision that it must reach), tells `waiting`, and hears
 * `allowed` and `connected`: when a connection became possible, and when it had one. Adds `fullBytes` (until `loaded`) and
 * `bytes` (since `allowed`), as its proxy counted them.
 */
export async function reconnectRound(
  bench: Bench,
  endpoint: string,
  params: Params,
  change: () => Promise<number>,
): Promise<Readonly<Record<string, Sample>>> {
  const returning = [];
  for (const name of bench.order()) {
    const proxy = await bench.proxy(endpoint);
    const side = bench.start(name, { ...params, endpoint: proxy.endpoint });
    await side.hear('ready');
    const before = proxy.bytesToClient;
    side.tell('begin');
    await side.hear('loaded');
    returning.push({ name, proxy, side, fullBytes: proxy.bytesToClient - before });
  }
  for (const { proxy } of returning) {
    proxy.refuse();
    proxy.cut();
  }
  const head = await change();
  const samples: Record<string, Sample> = {};
  for (const { name, proxy, side, fullBytes } of returning) {
    const { bytesToClient, totalConnections } = proxy;
    side.tell('head', head);
    await side.hear('waiting');
    await proxy.allow();
    side.tell('allowed', sharedNow());
    while (proxy.totalConnections === totalConnections) await delay(0.5);
    side.tell('connected', sharedNow());
    const sample = await side.result;
    const bytes = proxy.bytesToClient - bytesToClient;
    samples[name] = { ...sample, figures: { ...sample.figures, bytes, fullBytes } };
    await proxy.close();
  }
  assertEqualContent(samples);
  return samples;
}
