// A thousand times opened and closed: stores, and on one store mirrors, watches and leases. The heap, the handles of the process and
// what the server has open are then what they were after the first hundred. In processes of their own, which end by themselves.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventually, startEtcd, type Etcd } from '@holdfast/testkit';
import { v2Outside, v3Outside } from '../faults/outside.js';
import { runInChild } from './child.js';
import {
  CUT_SHORT_CYCLES,
  CUT_SHORT_SAMPLES,
  ENDS,
  MOST_OBJECTS,
  type CutShortInput,
  type CutShortResult,
} from './programs/cut-short.js';
import { CYCLES, KINDS, SAMPLES, type CyclesInput, type CyclesResult, type Kind } from './programs/cycles.js';

/** Optimized code is made for as long as a process runs: without any, what grows is what is held. */
const NO_NEW_CODE = ['--no-opt', '--no-sparkplug', '--no-maglev', '--no-flush-bytecode'];

/** The least of several samples: what a sample has beside what is held is some connection's buffer. */
const least = (samples: readonly number[]): number => Math.min(...samples);

// By how many bytes the heap may differ between two samples. A listener that is left on a signal is some 100 a cycle, a forgotten
// stream 10,000; the buffers of HTTP/1 connections alone make 200,000 on v2.
describe.each<[backend: CyclesInput['backend'], most: number, kinds: readonly Kind[]]>([
  ['memory', 50_000, KINDS],
  ['etcd-v3', 80_000, KINDS],
  ['etcd-v2', 600_000, ['store', 'mirror', 'watch']],
])('a thousand cycles on %s', (backend, most, kinds) => {
  let etcd: Etcd;
  let results: Record<string, CyclesResult>;
  let openBefore = 0;
  beforeAll(async () => {
    etcd = await startEtcd({ version: '3.5', enableV2: true });
    openBefore = await etcd.metric('process_open_fds');
    results = await runInChild('cycles', { backend, endpoints: etcd.endpoints, most }, { nodeArgs: NO_NEW_CODE });
  });
  afterAll(() => etcd.close());

  test.each(kinds)('of a %s: the heap and the handles are what they were', (kind) => {
    const { heap, handles } = results[kind]!;
    expect(heap).toHaveLength(SAMPLES);
    // The first sample is before much of the code was used at all.
    expect(least(heap.slice(3, 5)) - least(heap.slice(1, 3))).toBeLessThan(most);
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

describe.each<CutShortInput['backend']>(['memory', 'etcd-v3', 'etcd-v2'])(
  'what is given up at any moment on %s',
  (backend) => {
    let etcd: Etcd;
    let results: Record<string, CutShortResult>;
    beforeAll(async () => {
      etcd = await startEtcd({ version: '3.5', enableV2: true });
      results = await runInChild('cut-short', { backend, endpoints: etcd.endpoints });
    });
    afterAll(() => etcd.close());

    test.each(ENDS)('to %s leaves no objects and no handles', (end) => {
      const { objects, handles } = results[end]!;
      expect(objects).toHaveLength(CUT_SHORT_SAMPLES);
      expect(objects.at(-1)! - least(objects.slice(0, -1))).toBeLessThan(MOST_OBJECTS);
      expect(handles.at(-1)!.length - handles[0]!.length).toBeLessThan(CUT_SHORT_CYCLES / 10);
    });

    test('leaves no watch at the server', async () => {
      await eventually(
        async () => {
          expect(await v3Outside(etcd).watchers()).toBe(0);
          expect(await v2Outside(etcd).watchers()).toBe(0);
        },
        { timeoutMs: 30_000 },
      );
    });
  },
);
