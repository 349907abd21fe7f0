import { describe, expect, test } from '@jest/globals';
import { memoryStore } from '@holdfast/memory';
import { StoreError, type ConfigStore, type KeyValue, type Revision, type Watch } from '@holdfast/store';
import { KeyRange } from '@holdfast/store/adapter';
import {
  checkAtomic,
  checkBookmarkable,
  checkEqualViews,
  checkListenerView,
  checkOperations,
  checkOrdered,
  checkReliable,
  checkResumable,
  checkStates,
  checkUnique,
  checkUntorn,
  checkWatches,
  describeViolations,
  eventually,
  mutants,
  recordStore,
  Recorder,
  simulateLink,
  timelineOf,
  type Call,
  type History,
  type Operation,
  type Timeline,
  type Violation,
} from '@holdfast/testkit';

const EVERYTHING = { prefix: '' };

/** Reads a watch until it has told of the key `end`. */
async function readToEnd(watch: Watch): Promise<void> {
  for await (const { events } of watch) {
    if (events.some((event) => event.type === 'put' && event.current.key === 'end')) return;
  }
}

interface World {
  readonly history: History;
  readonly timeline: Timeline;
}

/** Three clients write, read and watch one memory store; what they see goes through `broken`. */
async function recordWorkload(broken: (store: ConfigStore) => ConfigStore = (store) => store): Promise<World> {
  const data = memoryStore();
  const truth = new Recorder();
  const reference = recordStore(data.connect(), truth, 'reference').watch(EVERYTHING);
  await reference.ready;
  const recorder = new Recorder();
  const clients = ['one', 'two', 'three'].map((name) => recordStore(broken(data.connect()), recorder, name));
  const [first] = clients as [ConfigStore];
  const { bookmark } = await data.list(EVERYTHING);
  const watches = clients.map((client, index) => client.watch(index === 0 ? EVERYTHING : { prefix: `k${index}` }));
  await Promise.all(watches.map((watch) => watch.ready));
  await Promise.all(
    clients.map(async (client, index) => {
      for (let round = 0; round < 25; round++) await workload(client, index, round);
    }),
  );
  await data.put('end', '');
  const resumed = first.watch(EVERYTHING, { after: bookmark });
  await Promise.all([readToEnd(resumed), readToEnd(watches[0] as Watch), readToEnd(reference)]);
  await Promise.all([data, ...clients].map((store) => store.close()));
  return { history: recorder, timeline: timelineOf(truth.watches[0]!) };
}

async function workload(client: ConfigStore, index: number, round: number): Promise<void> {
  const key = `k${round % 3}`;
  const value = `${index}/${round}`;
  await client.put(key, value);
  await client.get('k0');
  const entry = await client.get(key);
  await client.put(key, `${value}/guarded`, { ifModRevision: entry?.modRevision ?? 1 });
  await client.put('once', value, { ifAbsent: true });
  await client.txn({
    if: [{ key: 'once', target: 'value', op: '=', value }],
    then: ['a', 'b', 'c'].map((name) => ({ type: 'put', key: `t${name}`, value })),
    else: [
      { type: 'put', key: 'ta', value: `${value}/else` },
      { type: 'put', key: 'tb', value: `${value}/else` },
    ],
  });
  await client.list({ prefix: 'k' });
  if (round % 5 === 4) await client.delete(key, { ifValue: 'nothing' });
  if (round % 5 === 4) await client.delete({ prefix: 'k2' });
}

function mutant(id: string) {
  return mutants.find((each) => each.id === id)!.apply;
}

const names = (violations: readonly Violation[]) => [...new Set(violations.map(({ guarantee }) => guarantee))];

describe('the checkers of watches', () => {
  test('find nothing in the history of a healthy store', async () => {
    const { history, timeline } = await recordWorkload();
    expect(timeline.steps.length).toBeGreaterThan(100);
    expect(describeViolations(checkWatches(history, timeline))).toBe('');
    expect(describeViolations(checkStates(history))).toBe('');
  });

  test.each<[string, string, (world: World) => Violation[]]>([
    ['C10.reordered-events', 'ordered', ({ history }) => checkOrdered(history)],
    ['C10.duplicate-event', 'unique', ({ history }) => checkUnique(history)],
    ['C10.torn-revision', 'atomic', ({ history }) => checkAtomic(history)],
    ['C10.progress-ahead-of-events', 'bookmarkable', ({ history }) => checkBookmarkable(history)],
    ['C10.bookmark-behind-its-events', 'bookmarkable', ({ history }) => checkBookmarkable(history)],
    ['C10.bookmark-of-the-head', 'bookmarkable', ({ history }) => checkBookmarkable(history)],
    ['C10.lost-event', 'reliable', ({ history, timeline }) => checkReliable(history, timeline)],
    ['C10.resume-skips', 'resumable', ({ history, timeline }) => checkResumable(history, timeline)],
    ['C13.progress-lowers-the-bookmark', 'bookmarkable', ({ history }) => checkBookmarkable(history)],
  ])('find %s: not %s', async (id, guarantee, check) => {
    const world = await recordWorkload(mutant(id));
    expect(names(check(world))).toEqual([guarantee]);
  });

  test('find that a resumed watch repeats what it was resumed after', () => {
    const world = handMade([{ revision: 5 }, { revision: 6 }], { after: 5, tells: [5, 6] });
    expect(names(checkBookmarkable(world.history))).toEqual(['bookmarkable']);
  });

  test('find events that never happened', () => {
    const world = handMade([{ revision: 5 }], { after: 4, tells: [5, 6], upTo: 6 });
    expect(describeViolations(checkReliable(world.history, { ...world.timeline, to: 6 }))).toMatch(
      /k@6.*did not happen/,
    );
  });

  test('name the watch, the event and the revision', async () => {
    const { history, timeline } = await recordWorkload(mutant('C10.lost-event'));
    expect(describeViolations(checkReliable(history, timeline))).toMatch(
      /^reliable: watch 0 of one on prefix "" did not tell (put|delete) \S+@\d+/,
    );
  });
});

/** A watch over one key, with a put of it at each revision. */
function handMade(
  steps: readonly { readonly revision: number }[],
  { after, tells, upTo = steps.at(-1)?.revision ?? 0 }: { after: number; tells: readonly number[]; upTo?: number },
): World {
  const event = (revision: number) => ({
    type: 'put' as const,
    revision: revision as Revision,
    isCreate: false,
    current: entry('k', revision),
  });
  const bookmark = (revision: number) => ({ revision: revision as Revision, identity: 'x' });
  const batch = (revision: number) => ({
    kind: 'events' as const,
    bookmark: bookmark(revision),
    events: [event(revision)],
    undecodable: [],
  });
  return {
    timeline: {
      from: after,
      to: upTo,
      initial: [],
      steps: steps.map(({ revision }) => ({ revision, events: [event(revision)] })),
    },
    history: {
      operations: [],
      watches: [
        {
          client: 'one',
          range: 'k',
          options: { after: bookmark(after) },
          openedAt: 0,
          deliveries: tells.map((revision, index) => ({ at: index + 1, type: 'batch', batch: batch(revision) })),
        },
      ],
    },
  };
}

function entry(key: string, revision: number, value = String(revision), createRevision = 1): KeyValue {
  return {
    key,
    value: Buffer.from(value),
    createRevision: createRevision as Revision,
    modRevision: revision as Revision,
  };
}

describe('the checker of states', () => {
  test('finds nothing where a watch rides out an outage', async () => {
    const data = memoryStore();
    const { store, link } = simulateLink(data);
    const recorder = new Recorder();
    const watch = recordStore(store, recorder, 'one').watch(EVERYTHING);
    await watch.ready;
    const reading = readToEnd(watch);
    await link.cut();
    await eventually(() => expect(watch.state.status).toBe('interrupted'));
    await data.put('end', '');
    await link.heal();
    await reading;
    await watch.close();
    expect(describeViolations(checkStates(recorder))).toBe('');
    const told = recorder.watches[0]!.deliveries.flatMap((each) => (each.type === 'state' ? [each.state.status] : []));
    expect(told).toEqual(['connecting', 'live', 'interrupted', 'live', 'closed']);
    await Promise.all([store.close(), data.close()]);
  });

  const live = {
    type: 'state',
    state: { status: 'live', since: 1, after: { revision: 5 as Revision, identity: 'x' } },
  } as const;
  const batch = {
    type: 'batch',
    batch: { kind: 'progress', bookmark: { revision: 9 as Revision, identity: 'x' }, events: [], undecodable: [] },
  } as const;
  const closed = { type: 'state', state: { status: 'closed' } } as const;

  test.each([
    ['told a batch before its state said live', [batch]],
    ['was ready before its state said live', [{ type: 'ready', bookmark: { revision: 5 as Revision, identity: 'x' } }]],
    ['said that it follows from 5 after a bookmark at 9', [live, batch, live]],
    ['told a batch after it was closed', [live, closed, batch]],
    ['said live after it was closed', [live, closed, live]],
    ['ended before its state said closed', [live, { type: 'end' }]],
    [
      'ended with compacted, and its state says no error',
      [live, closed, { type: 'end', error: new StoreError('compacted', '') }],
    ],
    ['said connecting after it was live', [live, { type: 'state', state: { status: 'connecting' } }]],
  ] as const)('finds that a watch %s', (message, deliveries) => {
    const record = {
      client: 'one',
      range: 'k',
      options: {},
      openedAt: 0,
      deliveries: deliveries.map((each, at) => ({ at, ...each })),
    };
    const [violation] = checkStates({ operations: [], watches: [record] });
    expect(violation).toEqual({ guarantee: 'truthful', message: `watch 0 of one on key "k" ${message}` });
  });
});

describe('the checker of operations', () => {
  test('finds nothing in the history of a healthy store', async () => {
    const { history, timeline } = await recordWorkload();
    expect(history.operations.length).toBeGreaterThan(200);
    expect(describeViolations(checkOperations(history, timeline))).toBe('');
  });

  test.each(['C4.stale-read', 'C6.any-revision-will-do'])('finds %s', async (id) => {
    const { history, timeline } = await recordWorkload(mutant(id));
    expect(names(checkOperations(history, timeline))).toEqual(['linearizable']);
  });

  /** Puts of `k` at revisions 2 and 4, by answered operations, and the operation to judge. */
  function judge(...operations: readonly Operation[]): string {
    const steps = [2, 4].map((revision) => ({
      revision,
      events: [
        {
          type: 'put' as const,
          revision: revision as Revision,
          isCreate: revision === 2,
          current: entry('k', revision, `v${revision}`, 2),
        },
      ],
    }));
    const put = (revision: number, invokedAt: number) =>
      answered(
        { type: 'put', key: 'k', value: `v${revision}`, options: {}, answer: { revision: revision as Revision } },
        invokedAt,
        invokedAt + 1,
      );
    const history = { operations: [put(2, 10), put(4, 20), ...operations], watches: [] };
    return describeViolations(checkOperations(history, { from: 1, to: 9, steps, initial: [] }));
  }

  function answered(call: Call, invokedAt: number, returnedAt: number): Operation {
    return { client: 'one', call, invokedAt, returnedAt, outcome: { status: 'answered' } };
  }

  function failed(call: Call, error: StoreError): Operation {
    return { client: 'one', call, invokedAt: 30, returnedAt: 31, outcome: { status: 'failed', error } };
  }

  const get = (answer: KeyValue | undefined): Call => ({ type: 'get', key: 'k', options: {}, answer });

  test('accepts a read of the newest acknowledged state, and of one that is being written', () => {
    expect(judge(answered(get(entry('k', 4, 'v4', 2)), 30, 31))).toBe('');
    expect(judge(answered(get(entry('k', 2, 'v2', 2)), 12, 22))).toBe('');
    expect(judge(answered(get(entry('k', 4, 'v4', 2)), 12, 22))).toBe('');
  });

  test('finds a read of what had been overwritten before it', () => {
    expect(judge(answered(get(entry('k', 2, 'v2', 2)), 30, 31))).toMatch(/get of k by one .* from 4 to 4/);
    expect(judge(answered(get(undefined), 30, 31))).toMatch(/^linearizable: get of k/);
  });

  test('finds a read of what was written only after it', () => {
    expect(judge(answered(get(entry('k', 4, 'v4', 2)), 12, 13))).toMatch(/get of k by one .* from 2 to 2/);
  });

  test('finds a list older than an acknowledged write, and one with another count', () => {
    const list = (revision: number, count: number): Call => ({
      type: 'list',
      range: EVERYTHING,
      options: {},
      answer: {
        items: [entry('k', 2, 'v2', 2)],
        count,
        more: false,
        undecodable: [],
        bookmark: { revision: revision as Revision, identity: 'x' },
      },
    });
    expect(judge(answered(list(2, 1), 12, 13))).toBe('');
    expect(judge(answered(list(2, 1), 30, 31))).toMatch(/read revision 2, though 4 had been acknowledged before/);
    expect(judge(answered(list(2, 3), 12, 13))).toMatch(/counted 3 keys at 2, where there were 1/);
  });

  test('finds two writes of one revision, and revisions that run against time', () => {
    const put = (revision: number, key: string): Call => ({
      type: 'put',
      key,
      value: 'v4',
      options: {},
      answer: { revision: revision as Revision },
    });
    expect(judge(answered(put(4, 'k'), 30, 31))).toMatch(/took revision 4 both/);
    expect(judge(answered(put(3, 'k'), 30, 31))).toMatch(
      /took revision 3, below 4 of a write that had returned before/,
    );
  });

  test('finds a write that did not do what it says', () => {
    const put: Call = { type: 'put', key: 'k', value: 'other', options: {}, answer: { revision: 7 as Revision } };
    expect(judge(answered(put, 30, 31))).toMatch(/says that it put k at 7, where there is nothing/);
  });

  test('finds a guard that succeeded or failed against the state', () => {
    const guarded = (ifModRevision: number, answer: NonNullable<Extract<Call, { type: 'put' }>['answer']>): Call => ({
      type: 'put',
      key: 'k',
      value: 'x',
      options: { ifModRevision },
      answer,
    });
    expect(judge(answered(guarded(2, { succeeded: false, current: entry('k', 4, 'v4', 2) }), 30, 31))).toBe('');
    expect(judge(answered(guarded(4, { succeeded: false }), 30, 31))).toMatch(
      /failed, which its guard did not allow at 4/,
    );
    expect(judge(answered(guarded(2, { succeeded: false, current: entry('k', 2, 'v2', 2) }), 30, 31))).toMatch(
      /failed, which/,
    );
    expect(judge(answered(guarded(2, { succeeded: true, revision: 6 as Revision }), 30, 31))).toMatch(
      /succeeded, which/,
    );
  });

  test('finds a transaction that took the wrong branch', () => {
    const txn = (succeeded: boolean): Call => ({
      type: 'txn',
      txn: { if: [{ key: 'k', target: 'modRevision', op: '=', value: 4 }] },
      answer: { succeeded, revision: 4 as Revision, results: [] },
    });
    expect(judge(answered(txn(true), 30, 31))).toBe('');
    expect(judge(answered(txn(false), 30, 31))).toMatch(/ran its else operations, though its compares hold at 4/);
  });

  test('finds a failed write that was applied though it says not, and one applied twice', () => {
    const put: Call = { type: 'put', key: 'k', value: 'mine', options: {} };
    const events = [6, 7].map((revision) => ({
      revision,
      events: [
        {
          type: 'put' as const,
          revision: revision as Revision,
          isCreate: false,
          current: entry('k', revision, 'mine'),
        },
      ],
    }));
    const check = (error: StoreError, times: number) =>
      describeViolations(
        checkOperations(
          { operations: [failed(put, error)], watches: [] },
          { from: 1, to: 9, initial: [], steps: events.slice(0, times) },
        ),
      );
    const unknown = new StoreError('unavailable', 'lost', { outcome: 'unknown' });
    const notApplied = new StoreError('unavailable', 'refused', { outcome: 'not-applied' });
    expect([check(unknown, 0), check(unknown, 1), check(notApplied, 0)]).toEqual(['', '', '']);
    expect(check(unknown, 2)).toMatch(/took effect 2 times/);
    expect(check(notApplied, 1)).toMatch(/as not applied took effect/);
  });
});

describe('the checkers of views', () => {
  test('find what is missing, what is too much and what differs', () => {
    const expected = new Map<string, unknown>(Object.entries({ a: { port: 1 }, b: Buffer.from('x'), c: 3 }));
    expect(checkEqualViews('the mirror', [...expected].reverse(), expected)).toEqual([]);
    const actual = new Map<string, unknown>(Object.entries({ a: { port: 2 }, b: Buffer.from('x'), d: 4 }));
    expect(describeViolations(checkEqualViews('the mirror', actual, expected)).split('\n')).toEqual([
      'equal: the mirror has { port: 2 } for a instead of { port: 1 }',
      'equal: the mirror lacks c',
      'equal: the mirror has d, which should not be there',
    ]);
  });

  test('find a listener whose view is another, and changes that changed nothing', () => {
    const put = (key: string, value: unknown) => ({ type: 'put', key, value }) as const;
    const remove = (key: string) => ({ type: 'delete', key }) as const;
    const check = (changes: Parameters<typeof checkListenerView>[2]) =>
      describeViolations(checkListenerView('a listener', [['a', 1]], changes, [['b', 2]]));
    expect(check([put('b', 1), remove('a'), put('b', 2)])).toBe('');
    expect(check([put('b', 2)])).toMatch(/by what it was told, has a, which should not be there/);
    expect(check([remove('a'), put('b', 2), put('b', 2)])).toMatch(/was told to put b, which changed nothing/);
    expect(check([remove('a'), remove('c'), put('b', 2)])).toMatch(/was told to delete c, which changed nothing/);
  });

  test('find an observation that shows a transaction in part', () => {
    const step = (revision: number, ...keys: string[]) => ({
      revision,
      events: keys.map((key) => ({
        type: 'put' as const,
        revision: revision as Revision,
        isCreate: true,
        current: entry(key, revision),
      })),
    });
    const gone = { revision: 4, events: [{ type: 'delete' as const, revision: 4 as Revision, key: 'b' }] };
    const timeline: Timeline = {
      from: 1,
      to: 5,
      initial: [],
      steps: [step(2, 'a', 'b'), step(3, 'a', 'b'), gone, step(5, 'other')],
    };
    const check = (...observations: Record<string, number>[]) =>
      checkUntorn(
        'a reader',
        observations.map((each) => new Map(Object.entries(each))),
        timeline,
        KeyRange.from({ start: 'a', end: 'c' }),
      );
    expect(check({}, { a: 2, b: 2 }, { a: 3, b: 3 }, { a: 3 })).toEqual([]);
    expect(check({ a: 3, b: 2 })).toHaveLength(1);
    expect(check({ a: 2 })).toHaveLength(1);
    expect(check({ b: 3 })[0]?.message).toMatch(/a reader saw .* which is the state at no revision/);
  });
});
