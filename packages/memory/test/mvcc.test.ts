import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Interval } from '../src/data/byte-string.js';
import type { Version } from '../src/data/key-history.js';
import { Mvcc } from '../src/data/mvcc.js';
import { Random } from './support/random.js';

const VALUE = new Uint8Array([1]);
const EVERYTHING: Interval = { start: '', end: undefined };
const noLeases = { attach: () => undefined, detach: () => undefined };

let mvcc: Mvcc;
let all: Version[];

beforeEach(() => {
  mvcc = new Mvcc(noLeases);
  all = [];
});

function put(...keys: string[]): void {
  const { changes } = mvcc.write((writer) => {
    for (const key of keys) writer.put(key, VALUE, undefined);
  });
  all.push(...changes);
}

function remove(interval: Interval): void {
  all.push(...mvcc.write((writer) => writer.deleteAll(interval)).changes);
}

/** The whole backlog, and how many parts it came in. */
function backlog(interval: Interval, after: number, most = 4_096): { changes: Version[]; parts: number } {
  const changes: Version[] = [];
  let parts = 0;
  for (let position = after; ; parts++) {
    const part = mvcc.backlog(interval, position, most);
    expect(part.upTo).toBeGreaterThan(position);
    changes.push(...part.changes);
    position = part.upTo;
    if (position === mvcc.head) return { changes, parts: parts + 1 };
  }
}

function expected(interval: Interval, after: number): Version[] {
  return all.filter(
    ({ history: { key }, modRevision }) =>
      modRevision > after && key >= interval.start && (interval.end === undefined || key < interval.end),
  );
}

describe('a backlog', () => {
  test('is complete, in order and of whole revisions, whether it is long or short, dense or sparse', () => {
    const random = new Random(8);
    for (let i = 0; i < 60_000; i++) {
      const dense = `/dense/${random.int(5_000)}`;
      if (random.chance(0.001)) put(`/sparse/${random.int(20)}`, dense);
      else if (random.chance(0.02)) remove({ start: dense, end: `${dense}\0` });
      else put(dense);
    }
    const dense = { start: '/dense/', end: '/dense0' };
    const sparse = { start: '/sparse/', end: '/sparse0' };
    for (const interval of [dense, sparse, EVERYTHING, { start: 'x', end: undefined }]) {
      for (const after of [1, 30_000, mvcc.head - 9_000, mvcc.head - 10]) {
        const { changes } = backlog(interval, after, random.pick([16, 100, 4_096]));
        const wanted = expected(interval, after);
        expect(changes.length).toBe(wanted.length);
        expect(changes.every((change, i) => change === wanted[i])).toBe(true);
      }
    }
  });

  test('of a quiet range is read at once, however much happened elsewhere', () => {
    put('/quiet/a');
    for (let i = 0; i < 200_000; i++) put(`/busy/${i % 100}`);
    put('/quiet/b');
    expect(backlog({ start: '/quiet/', end: '/quiet0' }, 1).parts).toBe(1);
    expect(backlog({ start: '/busy/', end: '/busy0' }, 1).parts).toBeGreaterThan(10);
  });
});

describe('a part of a backlog', () => {
  test('is no longer than asked, but for the last revision', () => {
    for (let i = 0; i < 20_000; i++) put(`/a/${i % 50}`, `/b/${i % 50}`, `/c/${i % 50}`);
    expect(mvcc.backlog(EVERYTHING, 1, 16).changes.length).toBe(18);
    expect(mvcc.backlog({ start: '/b/', end: '/b0' }, 1, 16)).toMatchObject({ upTo: 17 });
  });
});

describe('compaction', () => {
  test('frees all that no read can see, a bounded part at a time, and costs what it frees', () => {
    for (let i = 0; i < 1_000; i++) put(`/k/${i}`);
    const lean = mvcc.sizeBytes;
    for (let round = 0; round < 10; round++) for (let i = 0; i < 1_000; i++) put(`/k/${i}`);
    for (let i = 0; i < 50; i++) put(`/gone/${i}`);
    remove({ start: '/gone/', end: '/gone0' });
    mvcc.compact(mvcc.head);
    let parts = 1;
    while (mvcc.reclaim(500)) parts += 1;
    expect(parts).toBe(Math.floor(11_100 / 500) + 1);
    expect(mvcc.sizeBytes).toBe(lean);
    expect(mvcc.retained().map(({ history: { key } }) => key)).not.toContain('/gone/0');
    expect(mvcc.count(EVERYTHING)).toBe(1_000);
    // Nothing is left to look at for the next one.
    put('/k/0');
    mvcc.compact(mvcc.head);
    expect(mvcc.reclaim(2)).toBe(false);
    expect(mvcc.sizeBytes).toBe(lean);
  });

  test('leaves a key alone that was written again after it was deleted', () => {
    put('/a');
    remove(EVERYTHING);
    const deleted = mvcc.head;
    mvcc.compact(deleted);
    put('/a');
    while (mvcc.reclaim(1));
    expect(mvcc.get('/a')).toMatchObject({ version: 1, createRevision: deleted + 1 });
    expect(mvcc.count(EVERYTHING)).toBe(1);
  });
});

describe('reads', () => {
  test('a list with a limit walks no further, neither at the head nor in the past', () => {
    for (let i = 0; i < 5_000; i++) put(`/k/${String(i).padStart(4, '0')}`);
    const pinned = mvcc.head;
    remove({ start: '/k/0000', end: '/k/2500' });
    for (const revision of [undefined, pinned]) {
      for (const descending of [false, true]) {
        let visited = 0;
        mvcc.walk(EVERYTHING, { revision, descending }, () => ++visited < 10);
        expect(visited).toBe(10);
      }
    }
    expect(mvcc.count(EVERYTHING)).toBe(2_500);
    expect(mvcc.count(EVERYTHING, pinned)).toBe(5_000);
  });
});
