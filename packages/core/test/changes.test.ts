import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Change, ChangeEvent, Mirror } from '../src/index.js';
import { PREFIX, shown, thing, type Thing, world, type World } from './support/world.js';

type Event = ChangeEvent<Change<Thing>>;

const told = ({ changes }: Event) =>
  changes
    .map((change) => (change.type === 'put' ? `${change.key}=${change.current.value.n}` : `-${change.key}`))
    .sort();

/** The next event of an iteration that has one. */
async function nextOf(iterator: AsyncIterator<Event, undefined>): Promise<Event> {
  const { value } = await iterator.next();
  if (value === undefined) throw new Error('the iteration has ended');
  return value;
}

/** A copy of the mirror, kept by its change events alone. */
class Copy {
  readonly entries = new Map<string, unknown>();
  readonly apply = (event: Event) => {
    for (const change of event.changes) {
      expect(this.entries.get(change.key)).toBe(change.previous);
      if (change.type === 'put') this.entries.set(change.key, change.current);
      else this.entries.delete(change.key);
    }
  };
}

describe('changes', () => {
  let w: World;
  let m: Mirror<Thing>;
  beforeEach(async () => {
    w = world();
    await w.data.put(`${PREFIX}a`, thing(1));
    await w.data.put(`${PREFIX}b`, thing(1));
    m = await w.open();
  });
  afterEach(() => w.close());

  const put = async (key: string, n: number) => {
    const { revision } = await w.data.put(`${PREFIX}${key}`, thing(n));
    await m.waitFor(revision);
  };
  const remove = async (key: string) => {
    const { revision } = await w.data.delete(`${PREFIX}${key}`);
    await m.waitFor(revision);
  };

  test('an event has the bookmark and version that the mirror then has; version moves with content only', async () => {
    const events: Event[] = [];
    m.on('change', (event) => {
      expect(event.bookmark).toBe(m.bookmark);
      expect(event.version).toBe(m.version);
      events.push(event);
    });
    const { version } = m;
    await put('a', 2);
    await w.data.put('/elsewhere', 'x');
    await w.clock.advance(1_000);
    expect(m.version).toBe(version + 1);
    await w.data.put(`${PREFIX}bad`, 'bad');
    await w.until(() => m.problems().length === 1);
    expect(m.version).toBe(version + 1);
    await remove('a');
    expect(m.version).toBe(version + 2);
    expect(events.map(({ cause }) => cause)).toEqual(['watch', 'watch']);
    expect(Object.isFrozen(events[0])).toBe(true);
  });

  test('replaying the events gives the mirror, over resyncs too', async () => {
    const copy = new Copy();
    m.subscribe(copy.apply, { replay: true });
    for (let n = 0; n < 10; n++) await put(`k${n % 4}`, n);
    await remove('a');
    w.data.wipe();
    await w.until(() => m.size === 0 && m.state.status === 'live');
    await put('z', 1);
    expect(copy.entries).toEqual(new Map(m));
  });

  test('subscribe with replay begins with what is there, without a gap or a repetition, also from within a listener', async () => {
    const inner = new Copy();
    let isSubscribed = false;
    m.on('change', () => {
      if (!isSubscribed) m.subscribe(inner.apply, { replay: true });
      isSubscribed = true;
    });
    await put('c', 1);
    expect(inner.entries.size).toBe(3);
    await put('c', 2);
    expect(inner.entries).toEqual(new Map(m));
  });

  test('a subscription ends by its function or its signal', async () => {
    const heard: string[] = [];
    const controller = new AbortController();
    const off = m.subscribe(() => heard.push('off'));
    m.subscribe(() => heard.push('signal'), { signal: controller.signal });
    m.subscribe(() => heard.push('never'), { signal: AbortSignal.abort() });
    await put('a', 2);
    off();
    off();
    controller.abort();
    await put('a', 3);
    expect(heard).toEqual(['off', 'signal']);
  });

  test('debounceMs: the net changes, once things are quiet, and at the latest ten times later', async () => {
    const events: Event[] = [];
    m.subscribe((event) => events.push(event), { debounceMs: 1_000 });
    for (let n = 0; n < 5; n++) {
      await put('a', n);
      await put('tmp', n);
      await w.clock.advance(500);
    }
    await remove('tmp');
    expect(events).toEqual([]);
    await w.clock.advance(1_000);
    expect(events.map(told)).toEqual([['a=4']]);
    expect(events[0]!.changes[0]!.previous?.value).toEqual({ n: 1 });
    for (let n = 0; n < 30; n++) {
      await put('a', 100 + n);
      await w.clock.advance(500);
    }
    expect(events).toHaveLength(2);
  });

  test('a debounced subscription gets the rest when the mirror closes, and nothing when it was ended', async () => {
    const events: string[] = [];
    m.subscribe(() => events.push('closed'), { debounceMs: 1_000 });
    const off = m.subscribe(() => events.push('off'), { debounceMs: 1_000 });
    await put('a', 2);
    off();
    await m.close();
    expect(events).toEqual(['closed']);
  });

  test('changes() delivers each step to a quick consumer', async () => {
    const seen: string[][] = [];
    const done = (async () => {
      for await (const event of m.changes()) seen.push(told(event));
    })();
    await put('a', 2);
    await w.clock.advance(0);
    await put('b', 3);
    await w.clock.advance(0);
    await m.close();
    await done;
    expect(seen).toEqual([['a=2'], ['b=3']]);
  });

  test('changes() adds up for a slow one: bounded, net, nothing where all cancelled out', async () => {
    const iterator = m.changes({ replay: true });
    expect(told(await nextOf(iterator))).toEqual(['a=1', 'b=1']);
    for (let n = 0; n < 100; n++) await put('a', n);
    await put('tmp', 1);
    await remove('tmp');
    await remove('b');
    await put('c', 1);
    const event = await nextOf(iterator);
    expect(told(event)).toEqual(['-b', 'a=99', 'c=1']);
    expect(event.bookmark).toEqual(m.bookmark);
    await put('tmp', 1);
    await remove('tmp');
    const next = nextOf(iterator);
    await put('a', 7);
    expect(told(await next)).toEqual(['a=7']);
    await put('a', 8);
    expect(await iterator.return!()).toEqual({ done: true, value: undefined });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  test('changes() ends with an aborted error after its signal, and at once where that has aborted', async () => {
    const controller = new AbortController();
    const iterator = m.changes({ signal: controller.signal });
    const next = iterator.next();
    controller.abort();
    await expect(next).rejects.toMatchObject({ code: 'aborted' });
    await expect(iterator.next()).rejects.toMatchObject({ code: 'aborted' });
    await expect(m.changes({ signal: controller.signal }).next()).rejects.toMatchObject({ code: 'aborted' });
  });

  test('what is pending is still delivered after close, and a new iteration ends at once', async () => {
    const iterator = m.changes();
    await put('a', 2);
    await m.close();
    expect(told(await nextOf(iterator))).toEqual(['a=2']);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(await m.changes().next()).toEqual({ done: true, value: undefined });
    expect(shown(m)).toHaveProperty('a');
  });
});
