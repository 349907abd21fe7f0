// A key that was given back may be used again by its session, so each interleaving of removals and late answers matters.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { StoreError } from '@holdfast/store';
import { eventually } from '@holdfast/testkit';
import type { Held, Session } from '@holdfast/coordination';
import { codeOf, thrownBy } from './support/code-of.js';
import type { Link } from './support/link.js';
import { world, type World } from './support/world.js';

let w: World;
beforeEach(() => {
  w = world();
});
afterEach(() => w.close());

const refusal = new StoreError('permission-denied', 'no', { outcome: 'not-applied' });
const refuseWrites = (link: Link) => {
  link.fate = (call) => (call === 'txn' ? refusal : 'pass');
};
const passAll = (link: Link) => {
  link.fate = () => 'pass';
};
/** The first of the next transactions has this fate. */
const once = (link: Link, fate: 'late' | 'answer-lost') => {
  let made = 0;
  link.fate = (call) => (call === 'txn' && made++ < 1 ? fate : 'pass');
};
const queued = async () => (await w.keys()).filter((key) => /^\/l\/a\//.test(key));

const KINDS = {
  lock: (session: Session, signal?: AbortSignal) => session.lock('/l/a', { signal }),
  campaign: (session: Session, signal?: AbortSignal) => session.campaign('/l/a', 'me', { signal }),
};

/** Ways in which a place is removed twice, where the second removal finds nothing. */
const TWICE = {
  'by a release that was refused and made again, and by the background': async (held: Held, link: Link) => {
    refuseWrites(link);
    expect(await codeOf(held.release())).toBe('permission-denied');
    passAll(link);
    await held.release();
    return () => w.clock.advance(15_000);
  },
  'by the background, and by a release that was refused and made again': async (held: Held, link: Link) => {
    refuseWrites(link);
    expect(await codeOf(held.release())).toBe('permission-denied');
    passAll(link);
    await w.until(async () => (await queued()).length === 0);
    return () => held.release();
  },
};

describe.each(Object.entries(TWICE))('a place that is removed twice, %s', (_, removed) => {
  describe.each(Object.entries(KINDS))('by %s()', (_kind, take) => {
    /** A holder of the same name, with whatever key, after which the first place is removed a second time. */
    const holderAfter = async (session: Session, link: Link) => {
      const removeAgain = await removed(await take(session), link);
      const holder = await take(session);
      await removeAgain();
      return holder;
    };

    test.each(['late', 'answer-lost'] as const)(
      'never gives a lock to two holders: the answer to the second one’s write is %s',
      async (fate) => {
        const { session, link } = await w.session();
        const holder = await holderAfter(session, link);
        once(link, fate);
        let second: Held | undefined;
        const waiting = take(session).then((held) => (second = held));
        await w.clock.advance(3_000);
        expect(second).toBeUndefined();
        holder.check();
        await link.land();
        await holder.release();
        const { token, key } = await w.passing(waiting);
        expect(token.revision).toBeGreaterThan(holder.token.revision);
        expect(await queued()).toEqual([key]);
      },
    );

    test.each(['late', 'answer-lost'] as const)(
      'never takes a living holder’s key with an attempt that is aborted: the answer to its write is %s',
      async (fate) => {
        const { session, link } = await w.session();
        const holder = await holderAfter(session, link);
        const controller = new AbortController();
        once(link, fate);
        const aborted = codeOf(take(session, controller.signal));
        controller.abort();
        expect(await w.passing(aborted)).toBe('aborted');
        await link.land();
        await w.clock.advance(3_000);
        expect(await queued()).toEqual([holder.key]);
        holder.check();
      },
    );
  });
});

describe('an attempt whose write had no answer, and another one’s key that is of the same name', () => {
  /** Somebody else's key where the next attempt of the session writes its own. The session knows a state in which it is there. */
  const foreign = async (session: Session) => {
    const held = await session.lock('/l/b');
    const key = held.key.replace('/l/b/', '/l/a/');
    await w.data.put(key, 'another');
    await session.lock('/l/c');
    await held.release();
    return key;
  };

  test.each(['late', 'answer-lost'] as const)('does not take it for its own: %s', async (fate) => {
    const { session, link } = await w.session();
    const key = await foreign(session);
    once(link, fate);
    let held: Held | undefined;
    const waiting = session.lock('/l/a').then((given) => (held = given));
    await w.until(async () => (await queued()).length === 2);
    await w.clock.advance(1_000);
    expect(held).toBeUndefined();
    await w.data.delete(key);
    await link.land();
    expect((await w.passing(waiting)).key).not.toBe(key);
  });

  test.each(['late', 'answer-lost'] as const)('does not delete it when it is aborted: %s', async (fate) => {
    const { session, link } = await w.session();
    const key = await foreign(session);
    const controller = new AbortController();
    once(link, fate);
    const aborted = codeOf(session.lock('/l/a', { signal: controller.signal }));
    controller.abort();
    expect(await w.passing(aborted)).toBe('aborted');
    await w.clock.advance(1_000);
    expect(await queued()).toEqual([key]);
  });

  test.each(['late', 'answer-lost'] as const)('does not delete it when nobody could be asked: %s', async (fate) => {
    const { session, link } = await w.session();
    const key = await foreign(session);
    let made = 0;
    link.fate = (call) => (call === 'txn' ? (made++ === 0 ? fate : refusal) : 'pass');
    expect(await codeOf(session.lock('/l/a'))).toBe('permission-denied');
    passAll(link);
    await w.until(async () => (await w.keys()).some((each) => each.includes('given-up')));
    expect(await queued()).toEqual([key]);
  });
});

describe('a key is used again only if nothing of it can be on its way', () => {
  const next = async (session: Session) => (await session.lock('/l/a')).key;

  test('not after an acquiring write without an answer', async () => {
    const { session, link } = await w.session();
    once(link, 'answer-lost');
    const held = await w.passing(session.lock('/l/a'));
    await held.release();
    expect(await next(session)).not.toBe(held.key);
  });

  test('not after a release whose answer was lost', async () => {
    const { session, link } = await w.session();
    const held = await session.lock('/l/a');
    once(link, 'answer-lost');
    await w.passing(held.release());
    expect(await next(session)).not.toBe(held.key);
  });

  test('not after somebody else removed it', async () => {
    const { session } = await w.session();
    const held = await session.lock('/l/a');
    await w.data.delete(held.key);
    await held.release();
    expect(await next(session)).not.toBe(held.key);
  });

  test('but after a release that was refused at first, and was answered then', async () => {
    const { session, link } = await w.session();
    const held = await session.lock('/l/a');
    refuseWrites(link);
    expect(await codeOf(held.release())).toBe('permission-denied');
    passAll(link);
    await held.release();
    expect(await next(session)).toBe(held.key);
  });
});

test('a release that is called again joins the removal that is under way', async () => {
  const { session, link } = await w.session();
  const held = await session.lock('/l/a');
  refuseWrites(link);
  expect(await codeOf(held.release())).toBe('permission-denied');
  let answer = (): void => undefined;
  const mayAnswer = new Promise<void>((resolve) => (answer = resolve));
  const pass = link.pass.bind(link);
  let removals = 0;
  passAll(link);
  link.pass = async (call, own, request, txn) => {
    if (call !== 'txn') return pass(call, own, request, txn);
    removals += 1;
    await mayAnswer;
    return pass(call, own, request, txn);
  };
  await w.until(() => removals === 1);
  const again = [held.release(), held.release()];
  await w.clock.advance(1_000);
  answer();
  await w.passing(Promise.all(again));
  await w.clock.advance(15_000);
  expect(removals).toBe(1);
  expect(await queued()).toEqual([]);
});

describe('the logger hears once of each key whose removal is refused, with the error', () => {
  const logging = async () => {
    const warnings: { readonly message: string; readonly error: unknown }[] = [];
    const warn = (message: string, details?: Readonly<Record<string, unknown>>) =>
      warnings.push({ message, error: details?.error });
    const silent = () => undefined;
    const made = await w.session({ logger: { debug: silent, info: silent, warn, error: silent } });
    return { ...made, warnings };
  };
  const told = [{ message: expect.stringMatching(/was refused/), error: refusal }];

  test.each(['release', 'disposal'] as const)('the key of a holder: %s', async (what) => {
    const { session, link, warnings } = await logging();
    const held = await session.lock('/l/a');
    refuseWrites(link);
    if (what === 'release') expect(await codeOf(held.release())).toBe('permission-denied');
    else await held[Symbol.asyncDispose]();
    await w.clock.advance(15_000);
    expect(warnings).toEqual(told);
    await held[Symbol.asyncDispose]();
    expect(warnings).toEqual(told);
    passAll(link);
    await w.until(async () => (await queued()).length === 0);
    expect(warnings).toEqual(told);
    expect(thrownBy(() => session.check())).toBeUndefined();
  });

  test('the key after the work of withLock()', async () => {
    const { session, link, warnings } = await logging();
    await session.withLock('/l/a', () => {
      refuseWrites(link);
    });
    await w.clock.advance(15_000);
    expect(warnings).toEqual(told);
    passAll(link);
    await w.until(async () => (await queued()).length === 0);
  });

  test('the key of one who waited', async () => {
    const [first, second] = [await w.session(), await logging()];
    const held = await first.session.lock('/l/a');
    const controller = new AbortController();
    const waiting = codeOf(second.session.lock('/l/a', { signal: controller.signal }));
    await eventually(() => second.link.watches.size === 1);
    refuseWrites(second.link);
    controller.abort();
    expect(await w.passing(waiting)).toBe('aborted');
    await w.clock.advance(15_000);
    expect(second.warnings).toEqual(told);
    passAll(second.link);
    await w.until(async () => (await queued()).length === 1);
    expect(await queued()).toEqual([held.key]);
  });

  test('the key of an attempt of which nobody could be asked', async () => {
    const { session, link, warnings } = await logging();
    let made = 0;
    link.fate = (call) => (call === 'txn' ? (made++ === 0 ? 'answer-lost' : refusal) : 'pass');
    expect(await w.passing(codeOf(session.lock('/l/a')))).toBe('permission-denied');
    await w.clock.advance(15_000);
    expect(warnings).toEqual(told);
    passAll(link);
    await w.until(async () => (await queued()).length === 0);
  });

  test('a removal that is answered in the end, after passing trouble only, is not told', async () => {
    const { session, link, warnings } = await logging();
    const held = await session.lock('/l/a');
    link.fate = (call) => (call === 'txn' ? 'not-sent' : 'pass');
    const released = held.release();
    await w.clock.advance(5_000);
    passAll(link);
    await w.passing(released);
    expect(warnings).toEqual([]);
  });
});
