// What is good in a snapshot stays good, although the store answers in time.
import { memoryStore } from '@holdfast/memory';
import { describe, expect, test } from '@jest/globals';
import { json, mirror } from '../src/index.js';
import { snapshotIn } from '../src/snapshot/file/file-snapshot.js';
import { readSnapshotIn } from '../src/snapshot/file/read-snapshot.js';
import { MemoryFiles } from './support/memory-files.js';
import { AT, stateOf } from './support/snapshots.js';

const A = { prefix: '/a/', codec: json<unknown>() } as const;

/** A file of a mirror that shows the last good value of one key, and has another good one. */
async function saved() {
  const files = new MemoryFiles();
  const data = memoryStore();
  await data.put('/a/known', '"good"');
  await data.put('/a/later', '"fine"');
  await data.put('/a/gone', '"fine"');
  const first = await mirror(data, { ...A, snapshot: snapshotIn(files, AT) });
  await data.put('/a/known', 'not json');
  await first.sync();
  const state = stateOf(first);
  const [{ since = 0 } = {}] = first.problems();
  await first.close();
  return { files, data, state, since, snapshot: snapshotIn(files, AT) };
}

describe.each(['eager', 'lazy'] as const)('a mirror (%s) whose store answers in time', (decode) => {
  test('shows the last good values behind values that were bad before, and since when', async () => {
    const { data, state, since, snapshot, files } = await saved();
    const changes: unknown[] = [];
    const onChange = (event: { readonly changes: readonly { readonly key?: string; readonly current?: unknown }[] }) =>
      void changes.push(...event.changes.map(({ key }) => key));
    const second = await mirror(data, { ...A, decode, snapshot, onChange, snapshotAfterMs: 20_000 });
    expect(second.state.status).toBe('live');
    expect(stateOf(second)).toBe(state);
    expect(second.get('known')?.value).toBe('good');
    expect(second.problems().map(({ key, since: then }) => [key, then])).toEqual([['known', since]]);
    expect([...changes].sort()).toEqual(['gone', 'known', 'later']);
    await second.close();
    const { entries } = await readSnapshotIn(files, AT);
    expect(entries.map(({ key, modRevision }) => [key, Number(modRevision)])).toContainEqual(['/a/known', 2]);
  });

  test('shows them behind values that became bad while it was down, and of no key that was deleted meanwhile', async () => {
    const { data, snapshot } = await saved();
    await data.put('/a/later', 'not json either');
    await data.delete('/a/gone');
    await data.put('/a/gone', 'bad from its beginning');
    const second = await mirror(data, { ...A, decode, snapshot, snapshotAfterMs: 20_000 });
    expect(second.state.status).toBe('live');
    const shown = ['known', 'later', 'gone'].map((key) => second.get(key)?.value);
    if (decode === 'eager') expect(shown).toEqual(['good', 'fine', undefined]);
    else expect([second.get('known')?.value, second.get('later')?.value]).toEqual(['good', 'fine']);
    expect(second.problems().map(({ key }) => key)).toEqual(expect.arrayContaining(['known', 'later']));
    await second.close();
  });
});
