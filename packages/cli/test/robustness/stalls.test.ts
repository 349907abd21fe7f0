// A host application that blocks its event loop for seconds, longer than any of Holdfast's time-outs there, while others go on writing.
import { beforeAll, describe, expect, test } from '@jest/globals';
import { etcdV2Store } from '@holdfast/etcd-v2';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { eventually, startEtcd, startProxy } from '@holdfast/testkit';
import { runInChild } from './child.js';
import type { StallsInput, StallsResult } from './programs/stalls.js';

const STALLS_MS = [3_000, 4_000];
const BACKENDS = ['etcd-v3', 'etcd-v2'] as const;

interface Run extends StallsResult {
  readonly written: readonly number[];
  readonly connections: number;
}

/** A host that sees fewer has not been tried. */
const ENOUGH_WRITES = 100;

/** Writes to a server of its own until the host, which stalls meanwhile, has seen enough. */
async function runOn(backend: StallsInput['backend']): Promise<Run> {
  await using etcd = await startEtcd({ version: '3.5', enableV2: true });
  await using proxy = await startProxy(etcd.endpoints[0]!);
  const { endpoints } = etcd;
  await using writer = backend === 'etcd-v3' ? etcdV3Store({ endpoints }) : etcdV2Store({ endpoints });
  await writer.put('/stall/0', '0');
  const written: number[] = [];
  const host = runInChild<StallsResult>('stalls', {
    backend,
    endpoint: proxy.endpoint,
    stallsMs: STALLS_MS,
    livenessMs: 1_000,
  } satisfies StallsInput);
  let over = false;
  const ended = host.finally(() => (over = true));
  ended.catch(() => undefined);
  const isThere = async (key: string): Promise<boolean> => over || (await writer.get(key)) !== undefined;
  await eventually(() => isThere('/control/begun'), { timeoutMs: 30_000 });
  for (let n = 0; n < ENOUGH_WRITES || !(await isThere('/control/stop')); n++) {
    written.push((await writer.put(`/stall/${n % 50}`, String(n))).revision);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
  await writer.put('/control/stopped', 'x');
  return { ...(await ended), written, connections: proxy.totalConnections };
}

describe('an event loop that stands still for seconds, while others write', () => {
  let runs: Readonly<Record<StallsInput['backend'], Run>>;
  beforeAll(async () => {
    const [v3, v2] = await Promise.all(BACKENDS.map(runOn));
    runs = { 'etcd-v3': v3!, 'etcd-v2': v2! };
  });

  test.each(BACKENDS)('loses no event on %s', (backend) => {
    expect(runs[backend].seen).toEqual(runs[backend].written);
  });

  test.each(BACKENDS)('is never called live on old evidence, and is live again, on %s', (backend) => {
    const { lies, mirrorStates, recoveredMs } = runs[backend];
    expect(lies).toEqual([]);
    // Each stall is longer than a proof lasts. The program itself waits for it to be live and equal after each.
    expect(mirrorStates.filter((status) => status === 'stale').length).toBeGreaterThanOrEqual(STALLS_MS.length);
    expect(recoveredMs).toHaveLength(STALLS_MS.length);
  });

  test.each(BACKENDS)('causes no storm of connections on %s', (backend) => {
    // On v3 it keeps the one it has, or makes another where a ping was under way; on v2 as many as 64 polls catch up.
    expect(runs[backend].connections).toBeLessThanOrEqual((backend === 'etcd-v3' ? 5 : 100) * STALLS_MS.length);
  });

  test('leaves a lease that has time left alone, and says of the other that it is gone', () => {
    expect(runs['etcd-v3'].leases).toEqual(['kept', 'lease-not-found', 'kept', 'lease-not-found']);
  });
});
