// Tests are often written in JavaScript. Each mistake is told as what it is, and what to write instead; nothing is started.
import { memoryStore } from '@holdfast/memory';
import * as testkit from '@holdfast/testkit';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

type Anything = Readonly<Record<string, (...args: unknown[]) => unknown>>;
const kit = testkit as unknown as Anything;
const make = testkit as unknown as Readonly<Record<string, new (...args: unknown[]) => unknown>>;

const WRONG: readonly (readonly [what: string, value: unknown])[] = [
  ['undefined', undefined],
  ['null', null],
  ['a number', 5],
  ['an empty string', ''],
  ['an object', {}],
  ['a list', []],
  ['a function', () => 0],
  ['a promise', Promise.resolve({})],
];
const without = (...names: readonly string[]) => WRONG.filter(([what]) => !names.includes(what));

/** What was thrown, at once or later. */
const failureOf = async (act: () => unknown): Promise<unknown> => {
  try {
    await act();
  } catch (error) {
    return error;
  }
  return 'nothing was thrown';
};

const REFUSED = {
  name: 'StoreError',
  code: 'invalid-argument',
  message: expect.stringMatching(/must be|takes|is a promise|has no option/),
};

const store = memoryStore();
const recorder = new testkit.Recorder();
const timeline = { from: 0, to: 0, steps: [], initial: [] };
const [someCase] = testkit.conformanceCases;
let proxy: testkit.Proxy;
let answering: testkit.AnsweringProxy;
beforeAll(async () => {
  proxy = await testkit.startProxy('http://127.0.0.1:1');
  answering = await testkit.startAnsweringProxy(1);
});
afterAll(async () => {
  await proxy.close();
  await answering.close();
  await store.close();
});

// What each argument may be besides: the rest of WRONG is refused.
const CALLS: readonly (readonly [call: string, act: (wrong: unknown) => unknown, allowed?: readonly string[]])[] = [
  ['startEtcd(wrong)', (wrong) => kit['startEtcd']!(wrong), ['undefined', 'an object']],
  ['findEtcd(wrong)', (wrong) => kit['findEtcd']!(wrong), ['undefined', 'an object']],
  ['availableEtcds(wrong)', (wrong) => kit['availableEtcds']!(wrong), ['undefined', 'an object']],
  ...['bin', 'version', 'nodes', 'links', 'clusterToken', 'progressIntervalMs', 'snapshotFrom', 'dataDir', 'tls'].map(
    (name) =>
      [
        `startEtcd({ ${name}: wrong })`,
        (wrong: unknown) => kit['startEtcd']!({ [name]: wrong }),
        name === 'progressIntervalMs' ? ['undefined', 'a number'] : ['undefined'],
      ] as const,
  ),
  ['startEtcd({ args: wrong })', (wrong) => kit['startEtcd']!({ args: wrong }), ['undefined', 'a list']],
  ['startEtcd({ args: [wrong] })', (wrong) => kit['startEtcd']!({ args: [wrong] })],
  ['virtualClock(wrong)', (wrong) => kit['virtualClock']!(wrong), ['undefined', 'a number']],
  ['clock.advance(wrong)', (wrong) => clock()['advance']!(wrong), ['a number']],
  ['clock.setTimeout(wrong)', (wrong) => clock()['setTimeout']!(wrong, 1), ['a function']],
  ['eventually(wrong)', (wrong) => kit['eventually']!(wrong), ['a function']],
  ['eventually(f, wrong)', (wrong) => kit['eventually']!(() => true, wrong), ['undefined', 'an object']],
  ['startProxy(wrong)', (wrong) => kit['startProxy']!(wrong), ['a number']],
  ['startAnsweringProxy(wrong)', (wrong) => kit['startAnsweringProxy']!(wrong), ['a number']],
  ['startBalancer(wrong)', (wrong) => kit['startBalancer']!(wrong), ['a list']],
  ['startBalancer([wrong])', (wrong) => kit['startBalancer']!([wrong]), ['a number']],
  ['proxy.cut(wrong)', (wrong) => on(proxy)['cut']!(wrong), ['undefined', 'an object']],
  ['proxy.cutAfter(wrong)', (wrong) => on(proxy)['cutAfter']!(wrong), ['a number']],
  ['proxy.cutAfter(1, wrong)', (wrong) => on(proxy)['cutAfter']!(1, wrong), ['undefined', 'an object']],
  ['proxy.cutWhen(wrong)', (wrong) => on(proxy)['cutWhen']!(wrong), ['a function']],
  ['proxy.stall(wrong)', (wrong) => on(proxy)['stall']!(wrong)],
  ['proxy.delay(wrong)', (wrong) => on(proxy)['delay']!(wrong), ['a number']],
  ['proxy.delay(0, wrong)', (wrong) => on(proxy)['delay']!(0, wrong), ['undefined']],
  ['proxy.throttle(wrong)', (wrong) => on(proxy)['throttle']!(wrong), ['a number']],
  ['proxy.retarget(wrong)', (wrong) => on(proxy)['retarget']!(wrong), ['a number']],
  ['answering.answer(wrong)', (wrong) => on(answering)['answer']!(wrong), ['a function']],
  ['answering.rewrite(wrong)', (wrong) => on(answering)['rewrite']!(wrong), ['undefined', 'a function']],
  ['grpcAnswer(wrong)', (wrong) => kit['grpcAnswer']!(wrong), ['a list']],
  ['grpcAnswer([wrong])', (wrong) => kit['grpcAnswer']!([wrong])],
  ['grpcFrame(wrong)', (wrong) => kit['grpcFrame']!(wrong)],
  ['certificateAuthority(wrong)', (wrong) => kit['certificateAuthority']!(wrong), ['undefined']],
  ['authority.issue(wrong)', (wrong) => on(testkit.certificateAuthority())['issue']!(wrong)],
  ['recordStore(wrong)', (wrong) => kit['recordStore']!(wrong, recorder, 'a')],
  ['recordStore(store, wrong)', (wrong) => kit['recordStore']!(store, wrong, 'a')],
  ['recordStore(store, recorder, wrong)', (wrong) => kit['recordStore']!(store, recorder, wrong)],
  ['recordWatch(wrong)', (wrong) => kit['recordWatch']!(wrong, recorder, { client: 'a', range: 'a' })],
  ['recordWatch(watch, recorder, wrong)', (wrong) => kit['recordWatch']!(store.watch('a'), recorder, wrong)],
  ['timelineOf(wrong)', (wrong) => kit['timelineOf']!(wrong)],
  ['new States(wrong)', (wrong) => new make['States']!(wrong)],
  ['new Random(wrong)', (wrong) => new make['Random']!(wrong), ['a number']],
  ...['checkAtomic', 'checkBookmarkable', 'checkOrdered', 'checkUnique', 'checkStates'].map(
    (name) => [`${name}(wrong)`, (wrong: unknown) => kit[name]!(wrong)] as const,
  ),
  ...['checkOperations', 'checkReliable', 'checkResumable', 'checkWatches'].flatMap((name) => [
    [`${name}(wrong)`, (wrong: unknown) => kit[name]!(wrong, timeline)] as const,
    [`${name}(history, wrong)`, (wrong: unknown) => kit[name]!(recorder, wrong)] as const,
  ]),
  ['checkEqualViews(name, wrong)', (wrong) => kit['checkEqualViews']!('a', wrong, []), ['a list']],
  ['checkListenerView(name, wrong)', (wrong) => kit['checkListenerView']!('a', wrong, [], []), ['a list']],
  ['checkUntorn(name, wrong)', (wrong) => kit['checkUntorn']!('a', wrong, timeline, {}), ['a list']],
  ['describeViolations(wrong)', (wrong) => kit['describeViolations']!(wrong), ['a list']],
  ['runCase(wrong)', (wrong) => kit['runCase']!(wrong, { open: () => store, hooks: {} })],
  ['runCase(case, wrong)', (wrong) => kit['runCase']!(someCase, wrong)],
  ['runConformance(wrong)', (wrong) => kit['runConformance']!(wrong, [])],
  ['runConformance(b, wrong)', (wrong) => kit['runConformance']!({ open: () => store, hooks: {} }, wrong), ['a list']],
  ['whySkipped(wrong)', (wrong) => kit['whySkipped']!(wrong, store.capabilities, {})],
  ['clauseOf(wrong)', (wrong) => kit['clauseOf']!(wrong)],
  ['mutateBackend(wrong)', (wrong) => kit['mutateBackend']!(wrong, testkit.mutants[0])],
  ['simulateLink(wrong)', (wrong) => kit['simulateLink']!(wrong)],
  ['compareVersions(wrong)', (wrong) => kit['compareVersions']!(wrong, '3.5')],
  ['isOfVersion(wrong)', (wrong) => kit['isOfVersion']!(wrong, '3.5')],
];

function on(target: object): Anything {
  const untyped = target as Anything;
  return Object.fromEntries(
    ['cut', 'cutAfter', 'cutWhen', 'stall', 'delay', 'throttle', 'retarget', 'answer', 'rewrite', 'issue'].map(
      (name) => [name, (...args: unknown[]) => untyped[name]!.call(target, ...args)],
    ),
  );
}

function clock(): Anything {
  const virtual = testkit.virtualClock() as unknown as Anything;
  return {
    advance: (...args) => virtual['advance']!.call(virtual, ...args),
    setTimeout: (...args) => virtual['setTimeout']!.call(virtual, ...args),
  };
}

test('a binary that was found can be passed on, with its version and its paths', async () => {
  const [binary] = testkit.availableEtcds();
  expect(testkit.findEtcd({ ...binary! })).toEqual(binary);
  expect(await failureOf(() => kit['startEtcd']!({ ...binary, nods: 1 }))).toMatchObject({
    message: expect.stringContaining('"nods"'),
  });
});

describe('a call that gets what it cannot take says what it takes', () => {
  test.each(CALLS)('%s', async (_call, act, allowed = []) => {
    const wrongs = without(...allowed);
    const failures = await Promise.all(wrongs.map(([, wrong]) => failureOf(() => act(wrong))));
    expect(failures.map((failure, index) => [wrongs[index]?.[0], failure])).toEqual(
      wrongs.map(([what]) => [what, expect.objectContaining(REFUSED)]),
    );
  });

  test.each<[string, () => unknown, RegExp]>([
    ['an option that there is not', () => kit['startEtcd']!({ nods: 1 }), /no option "nods"; it takes bin, version/],
    ['two members', () => kit['startEtcd']!({ nodes: 2 }), /nodes must be one of 1, 3, not 2/],
    ['a version as a number', () => kit['startEtcd']!({ version: 3.5 }), /version must be a string, such as '3.5.30'/],
    ['a certificate without its key', () => kit['startEtcd']!({ tls: { cert: 'x' } }), /tls\.key must be a string/],
    ['a misspelt time-out', () => kit['eventually']!(() => true, { timeout: 5 }), /no option "timeout"/],
    ['no time at all', () => kit['virtualClock']!(Number.NaN), /milliseconds since the epoch, not NaN/],
    ['a store that was not waited for', () => kit['recordStore']!(Promise.resolve(store)), /await openStore/],
    ['an etcd that was not waited for', () => kit['startProxy']!(Promise.resolve(1)), /is a promise: write await/],
  ])('%s', async (_what, act, said) => {
    expect(await failureOf(act)).toMatchObject({ code: 'invalid-argument', message: expect.stringMatching(said) });
  });
});
