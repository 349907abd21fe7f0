// A thousand times opened and closed: stores, and on one store mirrors, watches and leases. The heap, the handles of the process and
// what the server has open are then what they were after the first hundred. In processes of their own, which end by themselves.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventually, startEtcd, type Etcd } from '@holdfast/testkit';
import { v2Outside, v3Outside } from '../faults/outside.js';
import { runInChild } from './child.js';
import { CYCLES, KINDS, SAMPLES, type CyclesInput, type CyclesResult, type Kind } from './programs/cycles.js';

/** A busy machine needs many times what an idle one does, for programs of seconds. */
const PATIENCE_MS = 120_000;

/** Optimized code is made for as long as a process runs: without any, what grows is what is held. */
const NO_NEW_CODE = ['--no-opt', '--no-sparkplug', '--no-maglev'];

/** The least of several samples: what a sample has beside what is held is some connection's buffer. */
const least = (samples: readonly number[]): number => Math.min(...samples);

// How many bytes a cycle may leave. A listener that is left on a signal is some 100, a forgotten stream 10,000; the buffers of
// HTTP/1 connections make the samples of v2 differ by 200 KB.
describe.each<[backend: CyclesInput['backend'], most: number, kinds: readonly Kind[]]>([
  ['memory', 100, KINDS],
  ['etcd-v3', 200, KINDS],
  ['etcd-v2', 2_000, ['store', 'mirror', 'watch']],
])('a thousand cycles on %s', (backend, most, kinds) => {
  let etcd: Etcd;
  let results: Record<string, CyclesResult>;
  let openBefore = 0;
  beforeAll(async () => {
    etcd = await startEtcd({ version: '3.5.16', enableV2: true });
    openBefore = await etcd.metric('process_open_fds');
    results = await runInChild('cycles', { backend, endpoints: etcd.endpoints }, { nodeArgs: NO_NEW_CODE });
  }, PATIENCE_MS);
  afterAll(() => etcd.close());

  test.each(kinds)('of a %s: the heap and the handles are what they were', (kind) => {
    const { heap, handles } = results[kind]!;
    expect(heap).toHaveLength(SAMPLES);
    const between = CYCLES[kind] * (1 - 2 / SAMPLES);
    expect((least(heap.slice(-2)) - least(heap.slice(0, 2))) / between).toBeLessThan(most);
    // The store that is open all the time has a pool of connections, which breathes.
    expect(handles.at(-1)!.length - handles[0]!.length).toBeLessThan(CYCLES[kind] / 10);
  });

  test('the server has no watch and no connection left', async () => {
    await eventually(
      async () => {
        expect(await v3Outside(etcd).watchers()).toBe(0);
        expect(await v2Outside(etcd).watchers()).toBe(0);
        expect((await etcd.metric('process_open_fds')) - openBefore).toBeLessThan(50);
      },
      { timeoutMs: 30_000 },
    );
  });
});
