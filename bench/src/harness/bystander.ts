import { setTimeout as delay } from 'node:timers/promises';
import { keyOf, valueOf } from '../data/dataset.js';
import { encodePut } from '../data/wire.js';
import { GrpcPeer } from '../peers/grpc.js';
import type { Side } from './row.js';
import { percentile } from './stats.js';
import { number, text } from './task.js';

const KEYS = 100;
/** Writes before it is `ready`: the first ones take long, as V8 has compiled nothing yet. */
const WARMUPS = 200;

/**
 * Another client of the fleet's server, which writes to keys that the fleet does not follow. It tells `ready`, writes at `perSecond` from
 * `begin` until `stop`, whether or not earlier writes were answered, and waits for all answers. What it tells of the first `windowMs` is
 * of the same number of writes for all sides; how many there are in all depends on how long a side takes.
 */
export const bystander: Side = {
  label: 'another client, which writes',
  async run(task) {
    const perSecond = number(task.params, 'perSecond');
    const prefix = text(task.params, 'prefix');
    const windowMs = number(task.params, 'windowMs');
    const put = (over: GrpcPeer, index: number) =>
      over.unary('Put', encodePut(keyOf(prefix, index % KEYS), valueOf(index)));
    const warmup = await GrpcPeer.connect(text(task.params, 'endpoint'));
    for (let index = 0; index < WARMUPS; index += 1) await put(warmup, index);
    warmup.close();
    task.tell('ready');
    // The server may have been another one meanwhile: this connection is new.
    const peer = await GrpcPeer.connect(await task.hear<string>('begin'));
    const latencies: number[] = [];
    const inWindow: number[] = [];
    const open = new Set<Promise<void>>();
    let failed = 0;
    const first = performance.now();
    const write = async (index: number): Promise<void> => {
      const began = performance.now();
      try {
        await put(peer, index);
        const latency = performance.now() - began;
        latencies.push(latency);
        if (began - first < windowMs) inWindow.push(latency);
      } catch {
        failed += 1;
      }
    };
    let stopped = false;
    void task.hear('stop').then(() => (stopped = true));
    for (let sent = 0; !stopped; sent += 1) {
      const writing = write(sent).finally(() => open.delete(writing));
      open.add(writing);
      await delay(Math.max(0, first + ((sent + 1) * 1000) / perSecond - performance.now()));
    }
    await Promise.all(open);
    peer.close();
    return {
      figures: {
        writeP50: percentile(latencies, 50),
        writeP99: percentile(latencies, 99),
        windowP50: percentile(inWindow, 50),
        windowP99: percentile(inWindow, 99),
        writes: latencies.length,
        failedWrites: failed,
      },
    };
  },
};
