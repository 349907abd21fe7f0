import { isDeepStrictEqual } from 'node:util';
import { afterAll, expect, test } from '@jest/globals';
import { lmdbStore } from '@holdfast/lmdb';
import type { ScanOptions } from '@holdfast/store';
import { newFolder, removeFolders, QUICK } from './support/folders.js';

const store = lmdbStore({ path: newFolder({ on: QUICK }), sync: 'batched' });

afterAll(async () => {
  await store.close();
  removeFolders();
});

type Seen = readonly [key: string, value: string, mod: number, created: number, version: number | undefined];

/** All that a scan gives. Where something is to happen meanwhile, it does after the first page. */
async function scanned(options: ScanOptions = {}, meanwhile?: () => Promise<unknown>): Promise<readonly Seen[]> {
  const seen: Seen[] = [];
  for await (const page of store.scan({ prefix: '/' }, options)) {
    for (let at = 0; at < page.length; at += 1) {
      const value = Buffer.from(page.value(at)).toString('latin1');
      seen.push([page.key(at), value, page.modRevision(at), page.createRevision(at), page.version(at)]);
    }
    if (page.more) await meanwhile?.();
  }
  return seen;
}

test('a scan gives the entries of its revision, read at once or while others write', async () => {
  // Several pages, values of nothing and of more than one page, and keys that look like ones that are not UTF-8.
  const values = ['', 'x'.repeat(1_200_000), 'y'.repeat(70_000)];
  const keyOf = (index: number) => `/${index % 7 === 0 ? '\uFFFD' : 'ä'}${String(index).padStart(5, '0')}`;
  for (let from = 0; from < 1_500; from += 100) {
    const indexes = Array.from({ length: 100 }, (_, at) => from + at);
    await store.txn({
      then: indexes.map((index) => ({ type: 'put', key: keyOf(index), value: values[index % 600] ?? `v${index}` })),
    });
  }
  const { items } = await store.list({ prefix: '/' });
  const expected = items.map(({ key, value, modRevision, createRevision, version }): Seen => [
    key,
    Buffer.from(value).toString('latin1'),
    modRevision,
    createRevision,
    version,
  ]);
  expect(expected).toHaveLength(1_500);
  // `toEqual` takes seconds for so many.
  expect(isDeepStrictEqual(await scanned(), expected)).toBe(true);
  const keys = expected.map(([key, , ...rest]): Seen => [key, '', ...rest]);
  expect(isDeepStrictEqual(await scanned({ keysOnly: true }), keys)).toBe(true);
  const later = expected.filter(([, , mod]) => mod >= 12);
  expect(isDeepStrictEqual(await scanned({ minModRevision: later[0]![2] as never }), later)).toBe(true);

  const disturb = () =>
    Promise.all([store.put(keyOf(1_400), 'new'), store.put('/zz', 'new'), store.delete(keyOf(1_401))]);
  const { revision } = await store.status();
  expect(isDeepStrictEqual(await scanned({}, disturb), expected)).toBe(true);
  expect(isDeepStrictEqual(await scanned({ keysOnly: true, revision }, disturb), keys)).toBe(true);
});
