import { etcdV3Store } from '@holdfast/etcd-v3';
import { startEtcd } from '@holdfast/testkit';
import { cpus } from 'node:os';
import type { Costs } from '../costs/costs.js';
import { measureClient } from './client-costs.js';
import { rewrite, seed } from './content.js';
import { CpuMeter, cpuMsOf } from './cpu.js';
import { measureReads, type MeasuredReads } from './read-costs.js';
import { KEYS_EACH, SIZES, TRANSACTIONS } from './sizes.js';
import { measureWatches, type MeasuredWatches } from './watch-costs.js';

/** Measures, on a real etcd, what a fleet's requests cost it and its clients. It takes minutes. */
export async function measure(version: string, tell: (line: string) => void): Promise<Costs> {
  const etcd = await startEtcd({ version });
  const [member] = etcd.members;
  if (member?.pid === undefined) throw new Error('etcd has no running member');
  const store = etcdV3Store({ endpoints: [member.endpoint] });
  try {
    const reads: MeasuredReads[] = [];
    let watches: MeasuredWatches | undefined;
    let client: Awaited<ReturnType<typeof measureClient>> | undefined;
    let start = 0;
    let seeded = 0;
    for (const keys of SIZES) {
      await seed(store, seeded, keys);
      seeded = keys;
      const { first } = await rewrite(store, keys, TRANSACTIONS, 2);
      // A process of its own after a restart.
      const meter = new CpuMeter(member.pid ?? 0);
      await meter.learnIdle();
      tell(`reads of ${keys} keys`);
      const measured = await measureReads(store, meter, {
        keys,
        changed: TRANSACTIONS * KEYS_EACH,
        changedSince: first,
      });
      tell(JSON.stringify(measured));
      reads.push(measured);
      if (watches !== undefined) continue;
      tell('watches');
      watches = await measureWatches(store, meter, member.endpoint, keys);
      tell(JSON.stringify(watches));
      client = await measureClient(store, member, keys);
      tell(JSON.stringify(client));
      await member.kill();
      await member.start();
      start = cpuMsOf(member.pid);
    }
    const [small, large] = reads;
    if (small === undefined || large === undefined || watches === undefined || client === undefined)
      throw new Error('nothing was measured');
    return {
      at: new Date().toISOString(),
      machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${process.platform} ${process.arch}`,
      node: process.version,
      etcd: member.version,
      server: {
        reads: reads.map(({ costs }) => costs),
        deltaItem: small.deltaItem,
        ...watches,
        start,
        abortedPart: large.abortedPart,
      },
      client: { call: small.clientCall, ...client },
    };
  } finally {
    await store.close();
    await etcd.close();
  }
}
