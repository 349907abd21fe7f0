import { memoryStore } from '@holdfast/memory';
import type { DeleteGuard, PutGuard } from '@holdfast/store';
import { expect, test } from '@jest/globals';
import { expectTypeOf } from 'expect-type';

test('two guards do not compile, and are refused', async () => {
  const store = memoryStore();
  // @ts-expect-error A write takes one guard.
  await expect(store.put('a', '1', { ifAbsent: true, ifModRevision: 3 })).rejects.toThrow(/one guard/);
  // @ts-expect-error So does a delete.
  await expect(store.delete('a', { ifValue: '1', ifModRevision: 3 })).rejects.toThrow(/one guard/);
  await store.close();
});

test('one guard compiles', () => {
  expectTypeOf<{ readonly ifAbsent: true }>().toExtend<PutGuard>();
  expectTypeOf<{ readonly ifModRevision: number }>().toExtend<DeleteGuard>();
  expectTypeOf<{ readonly ifValue: string }>().toExtend<PutGuard>();
  expectTypeOf<{ readonly ifAbsent: true; readonly ifValue: string }>().not.toExtend<PutGuard>();
});
