import { virtualClock } from '@holdfast/testkit';
import { expect, test } from '@jest/globals';
import { thisProcess } from '../src/snapshot/file/process-identity.js';
import { WriterMark } from '../src/snapshot/file/writer-mark.js';
import { MemoryFiles } from './support/memory-files.js';
import { AT } from './support/snapshots.js';

const MARK = `${AT}.writer-1`;

/** Leaves the mark of another process. */
async function marked(files: MemoryFiles, writer: object): Promise<void> {
  const file = await files.create(MARK, true);
  await file.write(Buffer.from(JSON.stringify({ instance: 'other', ...writer })), 0);
}

test('one of several writes; it shows that it lives, and another takes over when it does not', async () => {
  const clock = virtualClock();
  const files = new MemoryFiles();
  const [first, second, third] = [0, 1, 2].map(() => new WriterMark(files, AT, clock)) as [
    WriterMark,
    WriterMark,
    WriterMark,
  ];
  expect(await Promise.all([first.claim(), second.claim(), third.claim()])).toEqual([true, false, false]);
  for (let waited = 0; waited < 60; waited++) {
    await clock.advance(1_000);
    expect(await second.claim()).toBe(false);
  }
  await first.release();
  expect(await Promise.all([second.claim(), third.claim()])).toEqual([true, false]);
  expect([...files.names.keys()]).toEqual([`${AT}.writer-1`]);
  await second.release();
});

test('a writer that was suspended notices that another one took over, before it writes', async () => {
  const [clock, its] = [virtualClock(), virtualClock()];
  const files = new MemoryFiles();
  const suspended = new WriterMark(files, AT, its);
  const other = new WriterMark(files, AT, clock);
  expect(await suspended.claim()).toBe(true);
  expect(await other.claim()).toBe(false);
  await clock.advance(9_000);
  expect(await other.claim()).toBe(false);
  await clock.advance(2_000);
  expect(await other.claim()).toBe(true);
  expect([await suspended.holds(), await other.holds()]).toEqual([false, true]);
  expect(await suspended.claim()).toBe(false);
  await other.release();
});

test('a mark of the same number is not the own one: numbers begin anew when no mark is left', async () => {
  const [clock, its] = [virtualClock(), virtualClock()];
  const files = new MemoryFiles();
  const suspended = new WriterMark(files, AT, its);
  const [other, third] = [new WriterMark(files, AT, clock), new WriterMark(files, AT, clock)];
  expect([await suspended.claim(), await other.claim()]).toEqual([true, false]);
  await clock.advance(11_000);
  expect(await other.claim()).toBe(true);
  await other.release();
  expect(await third.claim()).toBe(true);
  expect([...files.names.keys()]).toEqual([MARK]);
  expect([await suspended.holds(), await third.holds()]).toEqual([false, true]);
  await suspended.release();
  expect(await third.holds()).toBe(true);
  await third.release();
});

test('a pid alone says nothing: a dead one counts at once only within the same boot and container', async () => {
  const own = thisProcess();
  const dead = { pid: 2 ** 22 + 1, started: '1' };
  const cases = [
    [{ ...own, ...dead }, own.boot !== undefined && own.pidSpace !== undefined],
    [{ ...own, ...dead, boot: 'another boot' }, false],
    [{ ...own, ...dead, pidSpace: 'pid:[1]' }, false],
    [{ pid: dead.pid }, false],
    // The same pid as a living process, which is another one by now.
    [{ ...own, started: '1' }, own.started !== undefined],
    [own, false],
  ] as const;
  for (const [writer, isGone] of cases) {
    const clock = virtualClock();
    const files = new MemoryFiles();
    await marked(files, writer);
    const mark = new WriterMark(files, AT, clock);
    expect(await mark.claim()).toBe(isGone);
    await clock.advance(11_000);
    expect(await mark.claim()).toBe(true);
    await mark.release();
  }
});
