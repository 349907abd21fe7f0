import { type Page, StoreError } from '@holdfast/store';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ChangeEvent } from '../src/events/change.js';
import { held, PREFIX, shown, thing, world, type World } from './support/world.js';

describe('M2 snapshot, then stream', () => {
  let w: World;
  beforeEach(() => {
    w = world();
  });
  afterEach(() => w.close());

  test('the load is one scan, and the watch starts at its bookmark', async () => {
    for (let n = 0; n < 10; n++) await w.data.put(`${PREFIX}${n}`, thing(n));
    const { bookmark } = await w.data.list({ prefix: PREFIX });
    const events: ChangeEvent<unknown>[] = [];
    const mirror = await w.open({ onChange: (event: ChangeEvent<unknown>) => events.push(event) });
    expect(mirror.bookmark).toEqual(bookmark);
    await w.until(() => w.script.opened.length === 1);
    expect(w.script.reads.filter(({ kind }) => kind === 'scan')).toHaveLength(1);
    expect(w.script.opened).toEqual([bookmark]);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ cause: 'load', bookmark, version: 1 });
    expect(events[0]?.changes).toHaveLength(10);
  });

  test('writes between the scan and the watch are not lost', async () => {
    await w.data.put(`${PREFIX}a`, thing(1));
    w.script.afterRead = async ({ kind }) => {
      if (kind !== 'scan') return;
      w.script.afterRead = () => undefined;
      await w.data.put(`${PREFIX}b`, thing(2));
      await w.data.delete(`${PREFIX}a`);
    };
    const mirror = await w.open();
    await w.until(() => mirror.has('b') && !mirror.has('a'));
    expect(shown(mirror)).toEqual(await held(w.data));
  });

  test('a load that breaks off shows nothing, and the next attempt shows everything', async () => {
    for (let n = 0; n < 5; n++) await w.data.put(`${PREFIX}${n}`, thing(n));
    let breaks = 3;
    const sizes: number[] = [];
    w.script.afterRead = ({ kind }) => {
      if (kind === 'scan' && breaks-- > 0) throw new StoreError('unavailable', 'broke off');
    };
    const mirror = await w.open({ onChange: ({ changes }: ChangeEvent<unknown>) => sizes.push(changes.length) });
    expect(breaks).toBeLessThan(1);
    expect(sizes).toEqual([5]);
    expect(mirror.size).toBe(5);
  });

  test('a resync never installs a state older than the mirror: a stale answer is asked for again', async () => {
    await w.data.put(`${PREFIX}a`, thing(1));
    const old = await pages(w);
    const mirror = await w.open();
    await w.data.put(`${PREFIX}a`, thing(2));
    await w.until(() => mirror.get('a')?.value.n === 2);
    // The store answers two scans from the past, as a member that lags behind might, against the contract: that they agree
    // does not make a history of it.
    const real = w.store.scan.bind(w.store);
    let stale = 2;
    w.store.scan = (range, options) => (stale-- > 0 ? toIterable(old) : real(range, options));
    const seen: number[] = [];
    mirror.on('change', ({ changes }) => {
      for (const change of changes) if (change.type === 'put') seen.push(change.current.value.n);
    });
    w.script.failWatches(new StoreError('internal', 'something broke'));
    await w.until(() => stale < 0 && mirror.state.status === 'live');
    expect(seen).toEqual([]);
    expect(mirror.get('a')?.value).toEqual({ n: 2 });
  });
});

async function pages(w: World): Promise<Page[]> {
  const found: Page[] = [];
  for await (const page of w.data.scan({ prefix: PREFIX })) found.push(page);
  return found;
}

async function* toIterable(found: readonly Page[]): AsyncIterable<Page> {
  yield* found;
}
