import { describe, expect, test } from '@jest/globals';
import { StoreError, toRevision, type WatchBatch } from '@holdfast/store';
import { createStore, strictDriver, type WatchSink } from '@holdfast/adapter-kit';
import { Notebook, NotebookDriver } from './support/notebook-driver.js';

const at = (revision: number) => ({ revision: toRevision(revision), identity: 'notebook' });
const batch = (bookmark: number, ...revisions: number[]): WatchBatch => ({
  kind: 'events',
  bookmark: at(bookmark),
  events: revisions.map((revision) => ({ type: 'delete', key: '/a', revision: toRevision(revision) })),
  undecodable: [],
});

type Play = (sink: WatchSink, queue: { fill(): void }) => void;

/** Plays a driver's watch in a later turn, and gives what was said of it. */
async function mistakesIn(play: Play, options: { early?: boolean; close?: boolean } = {}) {
  const mistakes: string[] = [];
  const driver = new NotebookDriver(new Notebook());
  let sink: WatchSink | undefined;
  const scripted = Object.assign(driver, {
    watch: (_range: unknown, _options: unknown, given: WatchSink) => {
      sink = given;
      if (options.early === true) play(given, { fill: () => undefined });
      return { resume: () => undefined, close: () => Promise.resolve() };
    },
  });
  const store = createStore(strictDriver(scripted, { onMistake: (error) => mistakes.push(error.message) }));
  const watch = store.watch({ prefix: '' }, { bufferBytes: 10 });
  if (options.close === true) await watch.close();
  if (sink !== undefined && options.early !== true) play(sink, { fill: () => sink?.push(batch(5, 5), 100) });
  const end = await watch.ready.then(
    () => watch[Symbol.asyncIterator](),
    () => undefined,
  );
  let failure: unknown;
  try {
    while (end !== undefined && mistakes.length > 0 && (await end.next()).done !== true);
  } catch (error) {
    failure = error;
  }
  await store.close();
  return { mistakes, failure };
}

describe('strictDriver names', () => {
  const rules: [string, Play, object, RegExp][] = [
    [
      'a call before watch() returned',
      (sink) => {
        sink.established(at(1));
      },
      { early: true },
      /called before watch\(\) returned \(established\): begin in a later turn/,
    ],
    [
      'a push after full',
      (sink, queue) => {
        sink.established(at(4));
        queue.fill();
        sink.push(batch(6, 6), 1);
      },
      {},
      /pushed after full: .* push nothing until resume\(\)/,
    ],
    [
      'a push after close',
      (sink) => {
        sink.push(batch(6, 6), 1);
      },
      { close: true },
      /told after close \(push\)/,
    ],
    [
      'a call after fail',
      (sink) => {
        sink.established(at(1));
        sink.fail(new StoreError('compacted', 'gone'));
        sink.interrupted(new StoreError('unavailable', 'away'));
      },
      {},
      /told after fail \(interrupted\)/,
    ],
    [
      'a push before established',
      (sink) => {
        sink.push(batch(6, 6), 1);
      },
      {},
      /pushed before established/,
    ],
    [
      'a push after interrupted, before it is established again',
      (sink) => {
        sink.established(at(4));
        sink.interrupted(new StoreError('unavailable', 'away'));
        sink.push(batch(5, 5), 1);
      },
      {},
      /pushed before established: .* also after each interrupted\(\)/,
    ],
    [
      'a batch of another history',
      (sink) => {
        sink.established(at(4));
        sink.push({ ...batch(5, 5), bookmark: { ...at(5), identity: 'other' } }, 1);
      },
      {},
      /pushed a bookmark of history other in a watch of history notebook: fail with history-changed/,
    ],
    [
      'a watch that goes on in another history',
      (sink) => {
        sink.established(at(4));
        sink.interrupted(new StoreError('unavailable', 'away'));
        sink.established({ ...at(4), identity: 'other' });
      },
      {},
      /established a bookmark of history other in a watch of history notebook/,
    ],
    [
      'a bookmark that falls',
      (sink) => {
        sink.established(at(5));
        sink.push(batch(4), 1);
      },
      {},
      /bookmark that fell from 5 to 4/,
    ],
    [
      'an event that comes twice',
      (sink) => {
        sink.established(at(4));
        sink.push(batch(5, 5), 1);
        sink.push(batch(6, 5, 6), 1);
      },
      {},
      /pushed an event of revision 5 after the bookmark 5/,
    ],
    [
      'an event past its bookmark',
      (sink) => {
        sink.established(at(4));
        sink.push(batch(5, 6), 1);
      },
      {},
      /a bookmark covers its batch/,
    ],
  ];

  test.each(rules)('%s', async (_name, play, options, message) => {
    const { mistakes } = await mistakesIn(play, options);
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toMatch(message);
    expect(mistakes[0]).toMatch(/^the notebook driver has a mistake in its watch: /);
  });

  test('a mistake in the error that the watch ends with', async () => {
    const { failure } = await mistakesIn((sink) => {
      sink.established(at(5));
      sink.push(batch(4), 1);
    });
    expect(failure).toMatchObject({ code: 'internal' });
  });

  test('nothing in a driver that keeps the rules, and throws where nobody listens', async () => {
    const { mistakes } = await mistakesIn((sink) => {
      sink.established(at(4));
      sink.push(batch(5, 5), 1);
      sink.interrupted(new StoreError('unavailable', 'away'));
      sink.established(at(5));
    });
    expect(mistakes).toEqual([]);
    const driver = strictDriver(new NotebookDriver(new Notebook()));
    expect(driver.name).toBe('notebook');
    await driver.close();
  });
});
