import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { json, mirror, type Problem } from '../src/index.js';
import { held, PREFIX, shown, thing, world, type World } from './support/world.js';

const schema = z.object({ n: z.number() });
const NOT_UTF8 = Uint8Array.of(...new TextEncoder().encode(PREFIX), 0xff, 0xfe);

describe('M5 keep last good', () => {
  let w: World;
  const invalid: Problem[] = [];
  beforeEach(async () => {
    w = world();
    invalid.length = 0;
    await w.data.put(`${PREFIX}good`, thing(1));
  });
  afterEach(() => w.close());
  const open = (options: object = {}) =>
    w.open({ schema, onInvalid: (problem: Problem) => invalid.push(problem), ...options });

  test('a value that cannot be decoded keeps the last good one and is listed, with key, reason, revision and since', async () => {
    const mirror = await open();
    const before = mirror.get('good');
    await w.clock.advance(500);
    const { revision } = await w.data.put(`${PREFIX}good`, '{oops');
    await w.data.put(`${PREFIX}other`, thing(2));
    await w.until(() => mirror.has('other'));
    expect(mirror.get('good')).toBe(before);
    const [problem] = mirror.problems();
    expect(problem).toMatchObject({ key: 'good', revision });
    expect(problem!.reason).toMatch(/^not readable as json: /);
    expect(problem!.cause).toBeInstanceOf(SyntaxError);
    expect(problem!.since).toBeGreaterThanOrEqual(mirror.asOf);
    expect(problem!.since).toBeLessThanOrEqual(w.clock.now());
    expect(invalid).toEqual([problem]);
    expect(Object.isFrozen(problem)).toBe(true);
  });

  test('a value that fails its schema likewise, with the path in the reason', async () => {
    const mirror = await open();
    await w.data.put(`${PREFIX}good`, '{"n":"seven"}');
    await w.until(() => mirror.problems().length === 1);
    expect(mirror.get('good')?.value).toEqual({ n: 1 });
    expect(mirror.problems()[0]!.reason).toMatch(/^fails its schema: n: /);
  });

  test('a new key whose first value is bad is absent, and listed; fixed, it is there and no longer listed', async () => {
    await w.data.put(`${PREFIX}bad`, 'x');
    const mirror = await open();
    expect(mirror.has('bad')).toBe(false);
    expect(mirror.get('bad')).toBeUndefined();
    expect(mirror.size).toBe(1);
    expect(mirror.problems().map(({ key }) => key)).toEqual(['bad']);
    expect(invalid).toHaveLength(1);
    await w.data.put(`${PREFIX}bad`, thing(3));
    await w.until(() => mirror.has('bad'));
    expect(mirror.problems()).toEqual([]);
  });

  test('a deleted key is gone with its problem, and not resurrected by a bad value after it', async () => {
    const mirror = await open();
    await w.data.put(`${PREFIX}good`, 'x');
    await w.until(() => mirror.problems().length === 1);
    await w.data.delete(`${PREFIX}good`);
    await w.until(() => !mirror.has('good'));
    expect(mirror.problems()).toEqual([]);
    await w.data.put(`${PREFIX}good`, 'y');
    await w.until(() => mirror.problems().length === 1);
    expect(mirror.has('good')).toBe(false);
  });

  test('deleted and made anew with a bad value, all in one batch: not resurrected either', async () => {
    const mirror = await open();
    w.script.hold();
    await w.data.delete(`${PREFIX}good`);
    await w.data.put(`${PREFIX}good`, 'y');
    w.script.release();
    await w.until(() => mirror.problems().length === 1);
    expect(mirror.has('good')).toBe(false);
  });

  test('since stays when one bad value follows another', async () => {
    const mirror = await open();
    await w.data.put(`${PREFIX}good`, 'x');
    await w.until(() => mirror.problems().length === 1);
    const [first] = mirror.problems();
    await w.clock.advance(5_000);
    const { revision } = await w.data.put(`${PREFIX}good`, 'y');
    await w.until(() => mirror.problems()[0]?.revision === revision);
    expect(mirror.problems()[0]!.since).toBe(first!.since);
    expect(invalid).toHaveLength(2);
  });

  test('trap 11: a resync keeps the entry whose new value is invalid, and lists it once', async () => {
    const mirror = await open();
    const before = mirror.get('good');
    const { version } = mirror;
    w.script.cut();
    await w.data.put(`${PREFIX}good`, 'bad while away');
    await w.data.compact((await w.data.list({ prefix: PREFIX })).bookmark.revision);
    w.script.heal();
    await w.until(() => mirror.problems().length === 1 && mirror.state.status === 'live');
    expect(mirror.get('good')).toBe(before);
    expect(mirror.version).toBe(version);
    expect(invalid).toHaveLength(1);
    // And over the next one, which finds nothing new.
    w.script.cut();
    await w.data.put('/elsewhere', 'x');
    await w.data.compact((await w.data.list({ prefix: '/' })).bookmark.revision);
    w.script.heal();
    let resynced = false;
    mirror.on('resync', () => (resynced = true));
    await w.until(() => resynced);
    expect(mirror.get('good')).toBe(before);
    expect(invalid).toHaveLength(1);
    expect(mirror.problems()).toHaveLength(1);
  });

  test('a key deleted and made anew with a bad value during a gap is absent after the resync', async () => {
    const mirror = await open();
    w.script.cut();
    await w.data.delete(`${PREFIX}good`);
    await w.data.put(`${PREFIX}good`, 'bad');
    await w.data.compact((await w.data.list({ prefix: PREFIX })).bookmark.revision);
    w.script.heal();
    await w.until(() => mirror.problems().length === 1);
    expect(mirror.has('good')).toBe(false);
  });

  test('a store that goes back to the last good value is a problem less, and no change', async () => {
    const snapshot = w.data.snapshot();
    const mirror = await open();
    const before = mirror.get('good');
    await w.data.put(`${PREFIX}good`, 'bad');
    await w.until(() => mirror.problems().length === 1);
    const { version } = mirror;
    const changes: unknown[] = [];
    mirror.on('change', (event) => changes.push(event));
    w.data.restore(snapshot, { identity: 'new' });
    await w.until(() => mirror.problems().length === 0);
    expect(mirror.get('good')).toBe(before);
    expect(mirror.version).toBe(version);
    expect(changes).toEqual([]);
  });

  test('after a restore under another identity the last good value stands in for a bad one', async () => {
    const snapshot = w.data.snapshot();
    await w.data.put(`${PREFIX}good`, 'bad');
    const worse = w.data.snapshot();
    w.data.restore(snapshot);
    const mirror = await open();
    const before = mirror.get('good');
    w.data.restore(worse, { identity: 'new' });
    await w.until(() => mirror.problems().length === 1 && mirror.state.status === 'live');
    expect(mirror.get('good')).toBe(before);
  });

  test('keys that are not UTF-8 are listed with their bytes, until they are deleted', async () => {
    const snapshot = w.data.snapshot();
    const withRaw = (revision: number, extra: object) => ({
      ...snapshot,
      revision,
      changes: [...snapshot.changes, { key: NOT_UTF8, modRevision: revision, value: new Uint8Array(), ...extra }],
    });
    const added = withRaw(snapshot.revision + 1, { createRevision: snapshot.revision + 1, version: 1 });
    w.data.restore(added as never);
    const mirror = await open();
    expect(mirror.size).toBe(1);
    expect(mirror.problems()).toEqual([
      {
        rawKey: NOT_UTF8,
        reason: 'the key is not valid UTF-8',
        revision: snapshot.revision + 1,
        since: expect.any(Number),
      },
    ]);
    expect(invalid).toHaveLength(1);
    // Counted all the same: the proofs of completeness hold.
    await w.data.put('/elsewhere', 'x');
    const pending = mirror.sync();
    await w.until(() => mirror.revision > snapshot.revision + 1);
    await pending;
    expect(mirror.state.status).toBe('live');
    await w.data.delete({ prefix: PREFIX });
    await w.until(() => mirror.size === 0);
    expect(mirror.problems()).toEqual([]);
  });

  test('transform: what it gives is the value; what it throws is a problem', async () => {
    const m = mirror(w.store, {
      prefix: PREFIX,
      clock: w.clock,
      codec: json<{ n: number }>(),
      transform: ({ n }, { key, modRevision }) => {
        if (n < 0) throw new RangeError('negative');
        return `${key}@${modRevision}=${n}`;
      },
    });
    await w.clock.advance(100);
    const transformed = await m;
    const value: string | undefined = transformed.get('good')?.value;
    expect(value).toBe(`good@${transformed.revision}=1`);
    await w.data.put(`${PREFIX}good`, thing(-1));
    await w.until(() => transformed.problems().length === 1);
    expect(transformed.problems()[0]!.reason).toBe('its transform threw: negative');
    expect(transformed.get('good')?.value).toBe(value);
    await transformed.close();
  });

  test('the mirror still equals the prefix, but for what is listed', async () => {
    const mirror = await open();
    await w.data.put(`${PREFIX}b`, thing(2));
    await w.data.put(`${PREFIX}good`, 'x');
    await w.data.put(`${PREFIX}c`, thing(3));
    await w.until(() => mirror.has('c'));
    await w.data.put(`${PREFIX}good`, thing(1));
    await w.until(() => mirror.problems().length === 0);
    expect(shown(mirror)).toEqual(await held(w.data));
  });
});
