import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Codec, type Entry, json, mirror, type Problem } from '../src/index.js';
import { PREFIX, thing, type Thing, world, type World } from './support/world.js';

describe("decode: 'lazy'", () => {
  let w: World;
  let decoded: string[] = [];
  const invalid: Problem[] = [];
  const counting: Codec<Thing> = {
    name: 'counting',
    decode: (bytes) => counting.decodeText!(Buffer.from(bytes).toString()),
    decodeText: (text) => {
      decoded.push(text);
      return JSON.parse(text) as Thing;
    },
  };

  beforeEach(async () => {
    w = world();
    decoded = [];
    invalid.length = 0;
    for (let n = 0; n < 5; n++) await w.data.put(`${PREFIX}${n}`, thing(n));
  });
  afterEach(() => w.close());

  async function open(options: object = {}) {
    const pending = mirror(w.store, {
      prefix: PREFIX,
      codec: counting,
      decode: 'lazy',
      clock: w.clock,
      onInvalid: (problem) => invalid.push(problem),
      ...options,
    });
    await w.clock.advance(100);
    return pending;
  }

  test('a value is decoded on its first read, once', async () => {
    const m = await open();
    expect(m.size).toBe(5);
    expect(m.has('3')).toBe(true);
    expect([...m.keys()]).toHaveLength(5);
    expect(decoded).toEqual([]);
    const entry = m.get('3')!;
    expect(entry.value).toEqual({ n: 3 });
    expect(entry.value).toBe(m.get('3')!.value);
    expect(m.get('3')).toBe(entry);
    expect(decoded).toEqual([thing(3)]);
    expect(Object.isFrozen(entry)).toBe(true);
    expect(JSON.parse(JSON.stringify(entry))).toEqual({
      key: '3',
      value: { n: 3 },
      modRevision: entry.modRevision,
      createRevision: entry.modRevision,
      version: 1,
    });
    expect([...m].map(([, { value }]) => value.n)).toEqual([0, 1, 2, 3, 4]);
    expect(decoded).toHaveLength(5);
    await m.close();
  });

  test('cacheSize bounds what is kept decoded; entries stay the same objects', async () => {
    const m = await open({ cacheSize: 2 });
    // get() decodes: only then is it known whether there is something to show.
    const entries = ['0', '1', '2'].map((key) => m.get(key)!);
    expect(decoded).toHaveLength(3);
    expect(entries[2]!.value).toBe(m.get('2')!.value);
    expect(decoded).toHaveLength(3);
    expect(entries[0]!.value).toEqual({ n: 0 });
    expect(decoded).toHaveLength(4);
    expect(m.get('0')).toBe(entries[0]);
    await m.close();
  });

  test('values that are not ASCII, and undefined ones, come out right too', async () => {
    await w.data.put(`${PREFIX}u`, '"ümlaut"');
    const m = await open({
      codec: json(),
      transform: (value: unknown) => (value === 'ümlaut' ? value : undefined),
      cacheSize: 10,
    });
    expect(m.get('u')?.value).toBe('ümlaut');
    expect(m.get('1')).toBeDefined();
    expect(m.get('1')?.value).toBeUndefined();
    await m.close();
  });

  test('a bad value gives the last good one, and files a problem on the read', async () => {
    const m = await open();
    const good = m.get('1');
    await m.waitFor((await w.data.put(`${PREFIX}1`, 'bad')).revision);
    expect(m.problems()).toEqual([]);
    expect(invalid).toEqual([]);
    expect(m.get('1')).toBe(good);
    expect(m.get('1')?.value).toEqual({ n: 1 });
    expect(m.problems()).toMatchObject([{ key: '1', reason: expect.stringMatching(/not readable as counting/) }]);
    expect(invalid).toEqual(m.problems());
    await m.waitFor((await w.data.put(`${PREFIX}1`, thing(11))).revision);
    expect(m.problems()).toEqual([]);
    expect(m.get('1')?.value).toEqual({ n: 11 });
    await m.close();
  });

  test('the last good one is found although neither it nor the bad ones after it were ever read', async () => {
    const m = await open();
    for (const value of [thing(21), 'bad', 'worse', 'worst'])
      await m.waitFor((await w.data.put(`${PREFIX}2`, value)).revision);
    expect(m.get('2')?.value).toEqual({ n: 21 });
    expect(m.problems()).toHaveLength(1);
    expect(invalid).toHaveLength(1);
    await m.close();
  });

  test('a new key whose first value is bad is absent once that is found out', async () => {
    const m = await open();
    await m.waitFor((await w.data.put(`${PREFIX}new`, 'bad')).revision);
    expect(m.has('new')).toBe(true);
    expect(m.get('new')).toBeUndefined();
    expect(m.has('new')).toBe(false);
    expect([...m.values()]).toHaveLength(5);
    expect(m.problems()).toHaveLength(1);
    await m.waitFor((await w.data.delete(`${PREFIX}new`)).revision);
    expect(m.problems()).toEqual([]);
    await m.close();
  });

  test('found out while iterating', async () => {
    const m = await open();
    await m.waitFor((await w.data.put(`${PREFIX}1`, 'bad')).revision);
    await m.waitFor((await w.data.put(`${PREFIX}6`, 'bad')).revision);
    expect([...m].map(([key, { value }]) => `${key}=${value.n}`).sort()).toEqual(['0=0', '1=1', '2=2', '3=3', '4=4']);
    expect(m.problems()).toHaveLength(2);
    await m.close();
  });

  test('entries of change events: the last good value, or an error that says where to look', async () => {
    const m = await open();
    const entries: Entry<Thing>[] = [];
    m.on('change', ({ changes }) => {
      for (const change of changes) if (change.type === 'put') entries.push(change.current);
    });
    await m.waitFor((await w.data.put(`${PREFIX}1`, 'bad')).revision);
    await m.waitFor((await w.data.put(`${PREFIX}new`, 'bad')).revision);
    // However often they are read.
    for (let read = 0; read < 2; read++) expect(entries[0]!.value).toEqual({ n: 1 });
    expect(() => entries[1]!.value).toThrow(
      /key "new" at revision \d+ cannot be decoded; see the mirror's problems\(\)/,
    );
    expect(m.problems()).toHaveLength(2);
    await m.close();
  });

  test('a deleted key is not resurrected by a bad value after it', async () => {
    const m = await open();
    await w.data.delete(`${PREFIX}1`);
    await m.waitFor((await w.data.put(`${PREFIX}1`, 'bad')).revision);
    expect(m.get('1')).toBeUndefined();
    await m.close();
  });

  test('over a resync: unchanged entries stay, last good ones too, and problems', async () => {
    const m = await open();
    const before = new Map([...m.keys()].map((key) => [key, m.get(key)]));
    await m.waitFor((await w.data.put(`${PREFIX}1`, 'bad')).revision);
    expect(m.get('1')).toBe(before.get('1'));
    w.script.cut();
    await w.data.put(`${PREFIX}2`, 'bad');
    await w.data.put(`${PREFIX}3`, thing(33));
    const { revision } = await w.data.put(`${PREFIX}x`, 'bad');
    await w.data.compact(revision);
    let found = false;
    w.script.heal();
    w.script.afterRead = ({ kind }) => {
      // A bad value that is found out while the resync carries it over.
      if (kind === 'scan' && !found) found = m.get('1') === before.get('1');
    };
    await w.until(() => m.revision >= revision);
    expect(found).toBe(true);
    expect(m.get('0')).toBe(before.get('0'));
    expect(m.get('1')).toBe(before.get('1'));
    expect(m.get('2')).toBe(before.get('2'));
    expect(m.get('3')?.value).toEqual({ n: 33 });
    expect(m.get('x')).toBeUndefined();
    expect(
      m
        .problems()
        .map(({ key }) => key)
        .sort(),
    ).toEqual(['1', '2', 'x']);
    await m.close();
  });

  test('no more than two raw values of a key are kept, however often it is written and never read', async () => {
    const m = await open();
    let alive = 0;
    const registry = new FinalizationRegistry(() => (alive -= 1));
    m.on('change', ({ changes }) => {
      for (const change of changes) {
        if (change.type !== 'put') continue;
        alive += 1;
        registry.register(change.current, undefined);
      }
    });
    for (let n = 0; n < 50; n++) await m.waitFor((await w.data.put(`${PREFIX}1`, thing(n))).revision);
    // Each one but the newest was decoded, to know that it can be fallen back to: that is the price.
    expect(decoded.length).toBeLessThanOrEqual(50);
    expect(alive).toBeLessThanOrEqual(50);
    expect(m.get('1')?.value).toEqual({ n: 49 });
    await m.close();
  });

  test('what was decoded only to be fallen back to is not kept decoded, until somebody reads it', async () => {
    const m = await open();
    for (const n of [10, 11, 12]) await m.waitFor((await w.data.put(`${PREFIX}1`, thing(n))).revision);
    await m.waitFor((await w.data.put(`${PREFIX}1`, '{bad')).revision);
    expect(decoded.filter((text) => text === thing(12))).toHaveLength(1);
    const shown = m.get('1')!;
    expect(shown.value).toEqual({ n: 12 });
    expect(decoded.filter((text) => text === thing(12))).toHaveLength(2);
    expect(m.get('1')).toBe(shown);
    expect(m.get('1')!.value).toBe(shown.value);
    expect(decoded.filter((text) => text === thing(12))).toHaveLength(2);
    expect(m.problems()).toMatchObject([{ key: '1' }]);
    await m.close();
  });
});
