// In a process of its own, since Node warns once for each signal, and Jest hides that.
import { beforeAll, describe, expect, test } from '@jest/globals';
import { findEtcd } from '@holdfast/testkit';
import { runInChild } from './child.js';
import type { Input, Result } from './programs/warnings.js';

const CASES: readonly Input[] = [
  { backend: 'memory', view: 'none' },
  { backend: 'memory', view: 'withPrefix' },
  { backend: 'memory', view: 'readOnly' },
  { backend: 'etcd-v3', view: 'none' },
  { backend: 'etcd-v3', view: 'withPrefix' },
  { backend: 'etcd-v2', view: 'none' },
];

// The program starts it.
beforeAll(() => void findEtcd({}));

describe('many calls, watches and mirrors under one signal, on one store', () => {
  test.each(CASES)('bring no warning of a leak: $backend, view: $view', async (input) => {
    expect(await runInChild<Result>('warnings', input)).toEqual({ warnings: [] });
  });
});
