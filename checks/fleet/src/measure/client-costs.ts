import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { dirname, join } from 'node:path';
import type { EtcdV3Store } from '@holdfast/etcd-v3';
import type { EtcdMember } from '@holdfast/testkit';
import type { ClientCosts } from '../costs/costs.js';
import { putMany, rewrite } from './content.js';
import { median } from './cpu.js';
import { KEYS_EACH, TRANSACTIONS } from './sizes.js';

/** As many mirrors share a process as in the fleet whose figures are reproduced. */
const MIRRORS = 50;
const PROCESSES = 3;
/** Beside the command that measures. */
const script = join(dirname(process.argv[1] ?? ''), 'measure', 'client-process.js');
const SETTLE_MS = 2_000;
const DOWN_MS = 3_000;

/** Measures what it costs a client process that its server restarts, and what the events that follow cost. */
export async function measureClient(
  store: EtcdV3Store,
  member: EtcdMember,
  keys: number,
): Promise<Omit<ClientCosts, 'call'>> {
  const loads: number[] = [];
  const connects: number[] = [];
  const events: number[] = [];
  for (let each = 0; each < PROCESSES; each += 1) {
    const child = fork(script, [member.endpoint, String(MIRRORS)]);
    try {
      const began = await told(child);
      loads.push(((await told(child)) - began) / (MIRRORS * keys));
      await delay(SETTLE_MS);
      const before = await reach(child, await putMany(store, [0], each));
      await member.kill();
      await delay(DOWN_MS);
      await member.start();
      const back = await reach(child, await putMany(store, [0], each));
      connects.push((back - before) / MIRRORS);
      const after = await reach(child, (await rewrite(store, keys, TRANSACTIONS, 100 + each)).last);
      events.push((after - back) / (MIRRORS * TRANSACTIONS * KEYS_EACH));
    } finally {
      child.kill();
      await once(child, 'exit');
    }
  }
  return { item: median(loads), connect: median(connects), event: median(events) };
}

function reach(child: ChildProcess, revision: number): Promise<number> {
  child.send(revision);
  return told(child);
}

async function told(child: ChildProcess): Promise<number> {
  const [cpuMs] = (await once(child, 'message')) as [number];
  return cpuMs;
}
