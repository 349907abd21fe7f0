import { json, mirror } from '@holdfast/core';
import {
  type ListResult,
  type Page,
  type Revision,
  StoreError,
  type WatchBatch,
  type WatchEvent,
} from '@holdfast/store';
import { ListPage } from '@holdfast/store/adapter';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { held, PREFIX, shown, thing, world, type World } from './support/world.js';

// What a server, a proxy or an adapter gets wrong is not shown, deletes nothing, takes no memory and ends nothing.

/** No revisions, whatever their type says. */
const NO_REVISIONS = [0, -1, Number.NaN, 2 ** 53, 1.5, Infinity, '7' as unknown as number].map(
  (each) => each as Revision,
);

function pageOf(list: ListResult, more = false): Page {
  return new ListPage(list, more);
}

function contentOf(page: Page): ListResult {
  const items = Array.from({ length: page.length }, (_, index) => ({
    key: page.key(index),
    value: page.value(index),
    modRevision: page.modRevision(index),
    createRevision: page.createRevision(index),
    version: page.version(index) ?? 1,
  }));
  return { items, bookmark: page.bookmark, count: page.total, more: page.more, undecodable: page.undecodable };
}

/** How the pages of a scan can be wrong. */
const BAD_PAGES: readonly (readonly [what: string, change: (list: ListResult) => ListResult])[] = [
  ...NO_REVISIONS.map(
    (revision) =>
      [
        `a bookmark at revision ${String(revision)}`,
        (list: ListResult) => ({ ...list, bookmark: { ...list.bookmark, revision } }),
      ] as const,
  ),
  ...NO_REVISIONS.map(
    (modRevision) =>
      [`an entry of revision ${String(modRevision)}`, (list: ListResult) => withFirst(list, { modRevision })] as const,
  ),
  ['an entry newer than the state that was read', (list) => withFirst(list, { modRevision: 1_000_000 as Revision })],
  ['a key that was not asked for', (list) => withFirst(list, { key: '/other' })],
  ['fewer keys than it counts', (list) => ({ ...list, items: list.items.slice(0, 2) })],
  ['no keys where it counts some', (list) => ({ ...list, items: [] })],
  ['more keys than it counts', (list) => ({ ...list, count: 1 })],
  ['a key twice in place of another', (list) => ({ ...list, items: [...list.items.slice(1), list.items.at(-1)!] })],
  ['a count that would take all memory', (list) => ({ ...list, count: 2 ** 42 })],
  ['a count past all numbers', (list) => ({ ...list, count: Infinity })],
  ['a count below none', (list) => ({ ...list, count: -1 })],
  ['a count that is no number', (list) => ({ ...list, count: Number.NaN })],
  [
    'an unreadable key that was not asked for',
    (list) => ({ ...list, undecodable: [{ rawKey: Uint8Array.of(0xff), revision: 2 as Revision, deleted: false }] }),
  ],
];

function withFirst(list: ListResult, change: object): ListResult {
  return { ...list, items: list.items.map((item, index) => (index === 0 ? { ...item, ...change } : item)) };
}

describe.each(['like-v3', 'like-v2'] as const)('a store that answers with what cannot be (%s)', (kind) => {
  let w: World;
  beforeEach(async () => {
    w = world(kind);
    for (let n = 0; n < 5; n++) await w.data.put(`${PREFIX}k${n}`, thing(n));
  });
  afterEach(() => w.close());

  describe.each(BAD_PAGES)('%s', (_what, change) => {
    test.each(['eager', 'lazy'] as const)('is not loaded, and read again (%s)', async (decode) => {
      let lies = 2;
      w.script.onPage = (page) => (lies-- > 0 ? pageOf(change(contentOf(page))) : page);
      const causes: unknown[] = [];
      const mirrored = await w.open({
        decode,
        onState: (state) => causes.push('cause' in state ? state.cause : undefined),
      });
      expect(lies).toBeLessThan(1);
      expect(shown(mirrored)).toEqual(await held(w.data));
      expect(causes[0]).toMatchObject({ code: 'internal' });
    });

    test('changes nothing of what is shown when everything is read again', async () => {
      const mirrored = await w.open();
      await w.until(() => mirrored.state.status === 'live' && w.script.watches.size === 1);
      const seen: string[] = [];
      mirrored.on('change', ({ changes }) => {
        for (const each of changes) seen.push(`${each.type} ${each.key}`);
      });
      let lies = 2;
      w.script.onPage = (page) => (lies-- > 0 ? pageOf(change(contentOf(page))) : page);
      w.script.failWatches(new StoreError('internal', 'something broke'));
      await w.data.put(`${PREFIX}k1`, thing(7));
      await w.until(() => lies < 1 && mirrored.state.status === 'live' && mirrored.get('k1')?.value.n === 7);
      expect(seen).toEqual(['put k1']);
      expect(shown(mirrored)).toEqual(await held(w.data));
    });
  });

  test.each(['one key', 'collections'])(
    'a count that would take all memory loads no mirror of %s either',
    async (what) => {
      w.script.onPage = (page) => pageOf({ ...contentOf(page), count: 2 ** 42 });
      const range =
        what === 'one key'
          ? { key: `${PREFIX}k1` }
          : { prefix: PREFIX, collections: { k: { prefix: 'k' }, one: { key: 'l' } } };
      const options: object = { ...range, codec: json(), clock: w.clock, startTimeoutMs: 1_000 };
      const opening = mirror(w.store, options as { key: string });
      opening.catch(() => undefined);
      await w.clock.advance(1_100);
      await expect(opening).rejects.toMatchObject({ code: 'timeout', cause: { code: 'internal' } });
    },
  );

  const put = (key: string, revision: number, modRevision = revision): WatchEvent => ({
    type: 'put',
    revision: revision as Revision,
    current: {
      key,
      value: Buffer.from(thing(99)),
      modRevision: modRevision as Revision,
      createRevision: 2 as Revision,
      version: 1,
    },
    isCreate: false,
  });
  const batches: readonly (readonly [what: string, change: (batch: WatchBatch) => WatchBatch])[] = [
    ...NO_REVISIONS.flatMap((revision): (readonly [string, (batch: WatchBatch) => WatchBatch])[] => [
      [
        `a bookmark at revision ${String(revision)}`,
        (batch) => ({ ...batch, bookmark: { ...batch.bookmark, revision } }),
      ],
      [`an event of revision ${String(revision)}`, (batch) => ({ ...batch, events: [put(`${PREFIX}k1`, revision)] })],
      [
        `an entry of revision ${String(revision)}`,
        (batch) => ({ ...batch, events: [put(`${PREFIX}k1`, batch.bookmark.revision, revision)] }),
      ],
    ]),
    ['a put of a key that is not watched', (batch) => ({ ...batch, events: [put('/other', batch.bookmark.revision)] })],
    [
      'a delete of a key that is not watched',
      (batch) => ({ ...batch, events: [{ type: 'delete', key: '/xthings/k1', revision: batch.bookmark.revision }] }),
    ],
    [
      'an event past its bookmark',
      (batch) => ({ ...batch, events: [put(`${PREFIX}k1`, batch.bookmark.revision + 1)] }),
    ],
  ];

  test.each(batches)('a watch that delivers %s ends nothing, and shows nothing of it', async (_what, change) => {
    const mirrored = await w.open();
    await w.until(() => mirrored.state.status === 'live' && w.script.watches.size === 1);
    const keys = new Set<string>();
    mirrored.on('change', ({ changes }) => {
      for (const each of changes) {
        keys.add(each.key);
        if (each.type === 'put') expect(each.current.value.n).not.toBe(99);
      }
    });
    const onBatch = w.script.onBatch;
    let lies = 2;
    w.script.onBatch = (batch) => {
      const passed = onBatch(batch);
      return passed?.kind === 'events' && lies-- > 0 ? change(passed) : passed;
    };
    const statuses = new Set<string>();
    mirrored.on('state', ({ status }) => statuses.add(status));
    for (let n = 0; n < 4; n++) {
      await w.data.put(`${PREFIX}k2`, thing(10 + n));
      await w.clock.advance(8_000);
    }
    await w.until(() => mirrored.state.status === 'live' && mirrored.get('k2')?.value.n === 13);
    expect(shown(mirrored)).toEqual(await held(w.data));
    expect([...keys]).toEqual(['k2']);
    expect([...statuses]).not.toContain('closed');
  });

  test.each(NO_REVISIONS)('a watch that is said to follow from revision %s is replaced', async (revision) => {
    let lies = 2;
    w.script.onEstablished = (after) => (lies-- > 0 ? { ...after, revision } : after);
    const mirrored = await w.open();
    await w.until(() => mirrored.state.status === 'live' && lies < 1);
    await w.data.put(`${PREFIX}k2`, thing(10));
    await w.until(() => mirrored.get('k2')?.value.n === 10);
    expect(shown(mirrored)).toEqual(await held(w.data));
  });

  const lists: readonly (readonly [what: string, change: (list: ListResult) => ListResult])[] = [
    ...NO_REVISIONS.map(
      (revision) =>
        [
          `revision ${String(revision)}`,
          (list: ListResult) => ({ ...list, bookmark: { ...list.bookmark, revision } }),
        ] as const,
    ),
    ['a count below none', (list) => ({ ...list, count: -1 })],
    ['a count that is no number', (list) => ({ ...list, count: Number.NaN })],
    ["another key's entry", (list) => withFirst(list, { key: '/other' })],
  ];

  test.each(lists)('proofs and sync() that are answered with %s are made again', async (_what, change) => {
    const mirrored = await w.open({ livenessMs: 3_000 });
    await w.until(() => mirrored.state.status === 'live' && w.script.watches.size === 1);
    const resyncs: string[] = [];
    mirrored.on('resync', ({ reason }) => resyncs.push(reason));
    let lies = 3;
    w.script.onList = (list) => (lies-- > 0 ? change(list) : list);
    w.script.hold();
    await w.data.put(`${PREFIX}k2`, thing(10));
    const synced = mirrored.sync({ timeoutMs: 60_000 });
    await w.until(() => lies < 1);
    w.script.release();
    await Promise.all([synced, w.clock.advance(10_000)]);
    expect(mirrored.get('k2')?.value.n).toBe(10);
    expect(shown(mirrored)).toEqual(await held(w.data));
    expect(resyncs).not.toContain('history-changed');
  });
});
