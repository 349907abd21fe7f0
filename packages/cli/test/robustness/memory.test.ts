// What the client holds in memory is bounded, whatever its consumers do. Measured in processes of their own.
import { beforeAll, describe, expect, test } from '@jest/globals';
import { startEtcd } from '@holdfast/testkit';
import { runInChild } from './child.js';
import type { CompactedValuesInput } from './programs/compacted-values.js';
import type { SlowConsumersInput, SlowConsumersResult } from './programs/slow-consumers.js';

const BACKENDS = ['memory', 'etcd-v3', 'etcd-v2'] as const;

describe('consumers that stop reading', () => {
  const sizes = { consumers: 5, bufferBytes: 250_000, writes: 160, valueBytes: 50_000 };
  const results = new Map<string, SlowConsumersResult>();
  beforeAll(async () => {
    await using etcd = await startEtcd({ version: '3.5', enableV2: true });
    for (const backend of BACKENDS) {
      const input: SlowConsumersInput = { backend, endpoint: etcd.endpoints[0]!, ...sizes };
      results.set(backend, await runInChild('slow-consumers', input));
    }
  });

  test.each(BACKENDS)('on %s hold no more than their budgets: not all that was written meanwhile', (backend) => {
    const { consumers, bufferBytes, valueBytes, writes } = sizes;
    const { heldBytes } = results.get(backend)!;
    // A budget may be exceeded by one revision (C11); as much again for what is not the values.
    const budgets = consumers * (bufferBytes + valueBytes);
    expect(heldBytes).toBeLessThan(2 * budgets);
    expect(2 * budgets).toBeLessThan((consumers * writes * valueBytes) / 10);
    // It has measured something.
    expect(heldBytes).toBeGreaterThan(budgets / 10);
  });

  test.each(BACKENDS)('on %s disturb nobody else, and get everything when they go on', (backend) => {
    const { written, live, late, mirrorStates } = results.get(backend)!;
    expect(live).toEqual(written);
    for (const each of late) expect(each).toEqual(written);
    expect(mirrorStates).toEqual([]);
  });
});

test('a memory store lets go of compacted values', async () => {
  const input: CompactedValuesInput = { writes: 100, valueBytes: 500_000 };
  const { before, after } = await runInChild<{ before: number; after: number }>('compacted-values', input);
  expect(before).toBeGreaterThan(50_000_000);
  expect(after).toBeLessThan(5_000_000);
});
