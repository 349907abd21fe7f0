import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readOnly, StoreError } from '@holdfast/store';
import { eventually } from '@holdfast/testkit';
import { observeLeader, type Leader } from '@holdfast/coordination';
import { codeOf, thrownBy } from './support/code-of.js';
import { observe, type Observer } from './support/observer.js';
import { world, type World } from './support/world.js';

type Leaders = ReturnType<typeof observeLeader>;

let w: World;
const observers: Observer[] = [];
beforeEach(() => {
  w = world();
});
afterEach(async () => {
  for (const observer of observers.splice(0)) await observer.stop();
  await w.close();
});

function watched(store = w.data as Parameters<typeof observe>[0]): Observer {
  const observer = observe(store, '/e', w.clock);
  observers.push(observer);
  return observer;
}

/** What a promise rejects with. */
const failureOf = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);

describe('an election', () => {
  test('has one leader at a time, in the order of campaigning', async () => {
    const [a, b] = [await w.session(), await w.session()];
    const first = await a.session.campaign('/e', 'a');
    const second = b.session.campaign('/e', 'b');
    await eventually(async () => (await w.keys()).length === 2);
    const observer = watched();
    await first.resign();
    await (await w.passing(second)).resign();
    await w.until(() => observer.values.length === 3);
    expect(observer.values).toEqual(['a', 'b', '-']);
    expect(await w.keys()).toEqual([]);
  });

  test('a leader has the key, the token, the compare and the signal of a lock', async () => {
    const { session } = await w.session();
    const lead = await session.campaign('/e', '10.0.0.7');
    const observer = watched();
    await w.until(() => observer.told.length === 1);
    expect(observer.told[0]?.token).toEqual(lead.token);
    expect((await w.data.get(lead.key))?.lease).toBe(session.lease);
    expect((await w.data.txn({ if: [lead.compare] })).succeeded).toBe(true);
    const { signal } = lead;
    await w.data.delete(lead.key);
    await eventually(() => signal.aborted);
    expect(await codeOf(lead.proclaim('x'))).toBe('session-lost');
  });

  test('proclaim changes the value and nothing else', async () => {
    const { session } = await w.session();
    const lead = await session.campaign('/e', 'one');
    const observer = watched();
    await w.until(() => observer.told.length === 1);
    await Promise.all([lead.proclaim('two'), lead.proclaim(Buffer.from('three')), lead.proclaim('three')]);
    await w.until(() => observer.values.at(-1) === 'three');
    expect(observer.values).toEqual(['one', 'two', 'three']);
    expect(observer.told.map((leader) => leader?.token)).toEqual([lead.token, lead.token, lead.token]);
    await lead.resign();
    expect(await codeOf(lead.proclaim('four'))).toBe('closed');
    expect(await w.keys()).toEqual([]);
  });

  test('a proclamation whose answer was lost never overtakes a later one', async () => {
    const { session, link } = await w.session();
    const lead = await session.campaign('/e', 'one');
    for (const fate of ['late', 'answer-lost'] as const) {
      let failed = 0;
      link.fate = (call) => (call === 'txn' && failed++ < 1 ? fate : 'pass');
      await expect(lead.proclaim('lost')).rejects.toMatchObject({ code: 'unavailable', outcome: 'unknown' });
      await lead.proclaim(fate);
      await link.land();
      expect(Buffer.from((await w.data.get(lead.key))?.value ?? []).toString()).toBe(fate);
    }
    let failed = 0;
    link.fate = (call) => (call === 'txn' && failed++ < 1 ? 'not-sent' : 'pass');
    expect(await codeOf(lead.proclaim('refused'))).toBe('unavailable');
    await lead.proclaim('last');
  });

  test('a proclamation that hangs ends with the code of what ended it, and says that it may have happened', async () => {
    const { session, link } = await w.session();
    const lead = await session.campaign('/e', 'one');
    link.fate = (call) => (call === 'txn' ? 'silence' : 'pass');
    const hung = failureOf(lead.proclaim('two', { timeoutMs: 100 }));
    expect(await w.passing(hung)).toMatchObject({ code: 'timeout', outcome: 'unknown' });
    link.fallSilent();
    const lost = failureOf(lead.proclaim('three'));
    expect(await w.passing(lost)).toMatchObject({ code: 'session-lost' });
  });

  test('the limits of a proclamation count from its call, and those that were given up don’t let others pass', async () => {
    const { session, link } = await w.session();
    const lead = await session.campaign('/e', 'one');
    const pass = link.pass.bind(link);
    let answer = (): void => undefined;
    const mayAnswer = new Promise<void>((resolve) => (answer = resolve));
    const written: string[] = [];
    link.pass = async (call, own, request, txn) => {
      const [op] = txn?.then ?? [];
      if (op?.type === 'put') written.push(Buffer.from(op.value).toString());
      if (written.length === 1) await mayAnswer;
      return pass(call, own, request, txn);
    };
    const first = lead.proclaim('first');
    const second = lead.proclaim('second', { timeoutMs: 100 }).catch((error: unknown) => error);
    expect(await w.passing(second)).toMatchObject({ code: 'timeout', outcome: 'not-applied' });
    const third = lead.proclaim('third');
    await w.clock.advance(100);
    expect(written).toEqual(['first']);
    answer();
    await w.passing(Promise.all([first, third]));
    expect(written).toEqual(['first', 'third']);
  });

  test('a proclamation that is over is let go', async () => {
    const { session } = await w.session();
    const lead = await session.campaign('/e', 'one');
    const failed: WeakRef<object>[] = [];
    for (let n = 0; n < 20; n += 1) {
      failed.push(new WeakRef((await failureOf(lead.proclaim('two', { signal: AbortSignal.abort() }))) as object));
      await lead.proclaim('three');
    }
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    await eventually(() => {
      gc();
      return failed.every((error) => error.deref() === undefined);
    });
    await lead.resign();
  });

  test('proclaim never writes to the key of another leader', async () => {
    const { session } = await w.session();
    const lead = await session.campaign('/e', 'mine');
    await w.data.delete(lead.key);
    await w.data.put(lead.key, 'theirs');
    expect(await codeOf(lead.proclaim('again mine'))).toBe('session-lost');
    expect(Buffer.from((await w.data.get(lead.key))?.value ?? []).toString()).toBe('theirs');
    expect(thrownBy(() => lead.check())).toBe('session-lost');
  });

  test('a campaign that was aborted leaves no key', async () => {
    const [a, b] = [await w.session(), await w.session()];
    const lead = await a.session.campaign('/e', 'a');
    const controller = new AbortController();
    const waiting = codeOf(b.session.campaign('/e', 'b', { signal: controller.signal }));
    await eventually(async () => (await w.keys()).length === 2);
    controller.abort();
    expect(await waiting).toBe('aborted');
    expect(await w.keys()).toEqual([lead.key]);
  });

  test('a session that is closed while it campaigns leaves no key', async () => {
    const [a, b] = [await w.session(), await w.session()];
    const lead = await a.session.campaign('/e', 'a');
    const waiting = codeOf(b.session.campaign('/e', 'b'));
    await eventually(async () => (await w.keys()).length === 2);
    await b.session.close();
    expect(await waiting).toBe('closed');
    expect(await w.keys()).toEqual([lead.key]);
  });

  test('a resignation that failed may be called again', async () => {
    const { session, link } = await w.session();
    const lead = await session.campaign('/e', 'a');
    link.fate = (call) => (call === 'txn' ? new StoreError('permission-denied', 'no') : 'pass');
    expect(await codeOf(lead.resign())).toBe('permission-denied');
    link.fate = () => 'pass';
    await lead.resign();
    expect(await w.keys()).toEqual([]);
  });

  test('one who led and campaigns again does not wait for a key of its own that is gone', async () => {
    const { session } = await w.session();
    const campaign = () => w.passing(session.campaign('/e', 'a', { timeoutMs: 1_000 }));
    for (let turn = 0; turn < 3; turn += 1) await (await campaign()).resign();
    const lead = await session.campaign('/e', 'a');
    await w.data.delete(lead.key);
    await session.campaign('/e', 'a');
  });

  test('refuses a value that has no UTF-8 form', async () => {
    const { session } = await w.session();
    expect(await codeOf(session.campaign('/e', 'a\ud800'))).toBe('invalid-argument');
    const lead = await session.campaign('/e', 'a');
    expect(await codeOf(lead.proclaim('a\ud800'))).toBe('invalid-argument');
    expect(Buffer.from((await w.data.get(lead.key))?.value ?? []).toString()).toBe('a');
  });

  test.each([undefined, 5, null])('refuses the value %p', async (value) => {
    const { session } = await w.session();
    expect(await codeOf(session.campaign('/e', value as never))).toBe('invalid-argument');
    expect(await w.keys()).toEqual([]);
  });
});

describe('an observer', () => {
  test('is told the present leader first, or that there is none, and needs no session and no right to write', async () => {
    const nobody = watched(readOnly(w.data));
    await w.until(() => nobody.told.length === 1);
    expect(nobody.values).toEqual(['-']);
    const { session } = await w.session();
    await session.campaign('/e', 'a');
    await w.until(() => nobody.told.length === 2);
    const later = watched();
    await w.until(() => later.told.length === 1);
    expect([nobody.values, later.values]).toEqual([['-', 'a'], ['a']]);
  });

  test('takes no candidate for a leader: not the last put of a batch', async () => {
    const sessions = [await w.session(), await w.session(), await w.session()];
    const observer = watched();
    await w.until(() => observer.told.length === 1);
    const lead = await sessions[0]!.session.campaign('/e', 'a');
    const waiting = sessions.slice(1).map(({ session }, n) => session.campaign('/e', ['b', 'c'][n]!));
    await eventually(async () => (await w.keys()).length === 3);
    await lead.proclaim('A');
    await w.until(() => observer.values.at(-1) === 'A');
    expect(observer.values).toEqual(['-', 'a', 'A']);
    void waiting.map((each) => each.catch(() => undefined));
  });

  test('sees every leader, also those whose changes come in one batch', async () => {
    const { session, link, store } = await w.session();
    const observer = watched(store);
    await w.until(() => link.watches.size === 1);
    const deliver = link.gather();
    for (const value of ['a', 'b', 'c']) await (await session.campaign('/e', value)).resign();
    await w.clock.advance(100);
    deliver();
    await w.until(() => observer.told.length === 7);
    expect(observer.values).toEqual(['-', 'a', '-', 'b', '-', 'c', '-']);
  });

  test('is told the present leader after a compaction, marked as a gap', async () => {
    const { session } = await w.session();
    const lead = await session.campaign('/e', 'a');
    const observer = watched();
    await w.until(() => observer.told.length === 1);
    const allow = w.data.interrupt();
    await lead.resign();
    await (await session.campaign('/e', 'missed')).resign();
    await session.campaign('/e', 'c');
    await w.data.compact((await w.data.put('x', '')).revision);
    allow();
    await w.until(() => observer.told.length === 2);
    expect(observer.values).toEqual(['a', 'gap:c']);
    await (await session.campaign('/f', 'other')).resign();
  });

  test.each(['one led before', 'nobody led before'])(
    'is told of a gap with the next leader, where nobody leads after it: %s',
    async (before) => {
      const { session } = await w.session();
      const lead = before === 'one led before' ? await session.campaign('/e', 'a') : undefined;
      const observer = watched();
      await w.until(() => observer.told.length === 1);
      const allow = w.data.interrupt();
      await lead?.resign();
      await (await session.campaign('/e', 'missed')).resign();
      await w.data.compact((await w.data.put('x', '')).revision);
      allow();
      if (lead !== undefined) await w.until(() => observer.told.length === 2);
      // A watch is open again: what follows comes from it, and not from a read.
      await w.until(() => w.data.watcherCount === 1);
      await w.clock.advance(2_000);
      const next = await session.campaign('/e', 'b');
      await w.until(() => observer.values.at(-1)?.endsWith('b'));
      await next.proclaim('B');
      await w.until(() => observer.values.at(-1)?.endsWith('B'));
      expect(observer.values).toEqual([...(lead === undefined ? [] : ['a']), '-', 'gap:b', 'B']);
    },
  );

  test('is told the present leader of another history, marked as a gap', async () => {
    const { session } = await w.session();
    await session.campaign('/e', 'a');
    const observer = watched();
    await w.until(() => observer.told.length === 1);
    w.data.restore(w.data.snapshot(), { identity: 'new' });
    await w.until(() => observer.told.length === 2);
    expect(observer.values).toEqual(['a', 'gap:a']);
    expect(observer.told[1]?.token.identity).not.toBe(observer.told[0]?.token.identity);
  });

  test('outlives passing trouble of its watch and of its reads', async () => {
    const { session, link, store } = await w.session();
    let failures = 0;
    link.fate = (call) => (call === 'list' && failures++ < 3 ? 'not-sent' : 'pass');
    const observer = watched(store);
    await w.until(() => observer.told.length === 1);
    link.failWatches(new StoreError('unavailable', 'gone for now'));
    await w.clock.advance(200);
    await session.campaign('/e', 'a');
    await w.until(() => observer.told.length === 2);
    expect(observer.values).toEqual(['-', 'a']);
  });

  test('reads again after a mistake of the store in a watch, and is told of one that is made again and again', async () => {
    const { session, link, store } = await w.session();
    await session.campaign('/e', 'a');
    const observer = watched(store);
    await w.until(() => observer.told.length === 1 && link.watches.size === 1);
    link.failWatches(new StoreError('internal', 'an event that can’t be'));
    await w.until(() => observer.told.length === 2 && link.watches.size === 1);
    expect(observer.values).toEqual(['a', 'gap:a']);
    let end: unknown;
    void observer.ended.then((error) => (end = error));
    await w.until(() => {
      link.failWatches(new StoreError('internal', 'the same again'));
      return end !== undefined;
    });
    expect(end).toMatchObject({ code: 'internal', message: 'the same again' });
  });

  test('ends with aborted by its signal, with timeout where nobody can tell the leader, and with refusals', async () => {
    const observer = watched();
    await w.until(() => observer.told.length === 1);
    expect(await observer.stop()).toMatchObject({ code: 'aborted' });
    const { link, store } = await w.session();
    link.fate = (call) => (call === 'list' ? 'silence' : 'pass');
    const first = observeLeader(store, '/e', { timeoutMs: 50, clock: w.clock }).next();
    expect(await w.passing(codeOf(first))).toBe('timeout');
    link.fate = (call) => (call === 'list' ? new StoreError('permission-denied', 'no') : 'pass');
    expect(await codeOf(observeLeader(store, '/e', { clock: w.clock }).next())).toBe('permission-denied');
    expect(await codeOf(observeLeader(w.data, '/e/').next())).toBe('invalid-argument');
  });

  test('tells every value of a leader, also where the receiver changed the bytes that it was told', async () => {
    const { session } = await w.session();
    const lead = await session.campaign('/e', 'a');
    const told: string[] = [];
    const leaders = observeLeader(w.data, '/e', { clock: w.clock });
    const receiving = (async () => {
      for await (const leader of leaders as AsyncIterable<Leader>) {
        told.push(Buffer.from(leader.value).toString());
        leader.value.set(Buffer.from('b'));
      }
    })();
    await w.until(() => told.length === 1);
    await lead.proclaim('b');
    await w.until(() => told.length === 2);
    expect(told).toEqual(['a', 'b']);
    await leaders.return();
    await receiving;
  });

  test('that is left by break leaves no watch behind', async () => {
    for await (const leader of observeLeader(w.data, '/e', { clock: w.clock })) {
      expect(leader).toBeUndefined();
      break;
    }
    const following = observeLeader(w.data, '/e', { clock: w.clock });
    await following.next();
    const next = following.next();
    await eventually(() => w.data.watcherCount === 1);
    const { session } = await w.session();
    await session.campaign('/e', 'a');
    await next;
    await following.return();
    await eventually(() => w.data.watcherCount === 0);
  });

  const ENDED = { done: true, value: undefined };

  /** Ends an observation while two leaders are awaited. */
  async function endWhileAwaited(end: (leaders: Leaders) => PromiseLike<unknown>) {
    const leaders = observeLeader(w.data, '/e', { clock: w.clock });
    await leaders.next();
    const told: unknown[] = [];
    for (let n = 0; n < 2; n += 1) void leaders.next().then((next) => told.push(next));
    await eventually(() => w.data.watcherCount === 1);
    let ended: unknown = 'waiting';
    void end(leaders).then((given) => (ended = given));
    await eventually(() => ended !== 'waiting' && told.length === 2);
    expect(told).toEqual([ENDED, ENDED]);
    await eventually(() => w.data.watcherCount === 0);
    expect(await leaders.next()).toEqual(ENDED);
    return ended;
  }

  test('that is left while a leader is awaited ends at once, with all that wait, and leaves no watch behind', async () => {
    expect(await endWhileAwaited((leaders) => leaders.return())).toEqual(ENDED);
  });

  test('that is disposed of, or is to throw, ends at once too', async () => {
    expect(await endWhileAwaited((leaders) => leaders[Symbol.asyncDispose]())).toBeUndefined();
    const mine = new Error('mine');
    expect(await endWhileAwaited((leaders) => failureOf(leaders.throw(mine)))).toBe(mine);
  });

  test('that is left while the present leader is read, or before it is asked for, ends at once', async () => {
    const { link, store } = await w.session();
    link.fate = (call) => (call === 'list' ? 'silence' : 'pass');
    const leaders = observeLeader(store, '/e', { clock: w.clock, timeoutMs: 60_000 });
    let first: unknown;
    void leaders.next().then((next) => (first = next));
    await eventually(() => link.calls.includes('list'));
    void leaders.return();
    await eventually(() => first !== undefined);
    expect(first).toEqual(ENDED);
    const sent = link.calls.length;
    const unused = observeLeader(store, '/e', { clock: w.clock });
    await unused.return();
    expect(await unused.next()).toEqual(ENDED);
    expect(link.calls.length).toBe(sent);
  });
});
