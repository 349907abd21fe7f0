import { json, mirror } from '@holdfast/core';
import { type ConfigStore, readOnly, STORE_ERROR_CODES, StoreError, withPrefix } from '@holdfast/store';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { held, PREFIX, shown, thing, type Thing, world, type World } from './support/world.js';

// Everything that a driver may say of a store that is open: by itself, or because a server or a proxy has it say so.
const CODES = STORE_ERROR_CODES;
/** Codes by which a driver says that there is nothing to follow on from: everything is read again. */
const LOST: readonly string[] = ['compacted', 'history-changed', 'future-revision', 'internal'];

describe.each(['like-v3', 'like-v2'] as const)('what ends a mirror (%s)', (kind) => {
  let w: World;
  beforeEach(async () => {
    w = world(kind);
    await w.data.put(`${PREFIX}a`, thing(1));
  });
  afterEach(() => w.close());

  describe.each(CODES)('trap 20: a driver that answers everything with %s', (code) => {
    const answer = () => new StoreError(code, 'answered by a proxy', { endpoint: '127.0.0.1:1' });

    test('does not end a mirror that has loaded: it is stale, says why, and goes on when that is over', async () => {
      const mirror = await w.open({ livenessMs: 3_000 });
      await w.until(() => mirror.state.status === 'live' && w.script.watches.size === 1);
      const states: unknown[] = [];
      mirror.on('state', (state) => states.push(state));
      w.script.beforeRead = () => {
        throw answer();
      };
      w.script.onWatch = answer;
      w.script.failWatches(answer());
      await w.data.put(`${PREFIX}b`, thing(2));
      await w.clock.advance(20_000);
      expect(mirror.state).toMatchObject({
        status: LOST.includes(code) ? 'resyncing' : 'stale',
        cause: { code, message: 'answered by a proxy' },
      });
      expect(mirror.get('a')?.value).toEqual({ n: 1 });
      w.script.heal();
      w.script.onWatch = () => undefined;
      await w.until(() => mirror.state.status === 'live' && mirror.has('b'));
      expect(shown(mirror)).toEqual(await held(w.data));
      expect(states).not.toContainEqual(expect.objectContaining({ status: 'closed' }));
      await mirror.sync();
    });

    test('does not end one by its reads alone', async () => {
      const mirror = await w.open({ livenessMs: 3_000 });
      await w.until(() => mirror.state.status === 'live' && w.script.watches.size === 1);
      w.script.beforeRead = () => {
        throw answer();
      };
      await w.clock.advance(10_000);
      expect(mirror.state.status).toMatch(/^(stale|resyncing)$/);
      w.script.heal();
      await w.until(() => mirror.state.status === 'live');
      expect(shown(mirror)).toEqual(await held(w.data));
    });

    test('is tried again while the mirror loads, until startTimeoutMs', async () => {
      const causes: unknown[] = [];
      w.script.beforeRead = () => {
        throw answer();
      };
      void w.clock.advance(3_000).then(() => {
        w.script.heal();
      });
      const mirror = await w.open({ onState: (state) => causes.push('cause' in state ? state.cause : undefined) });
      expect(mirror.size).toBe(1);
      expect(causes[0]).toMatchObject({ code });
      w.script.beforeRead = () => {
        throw answer();
      };
      await expect(w.open({ startTimeoutMs: 2_000 })).rejects.toMatchObject({
        code: 'timeout',
        endpoint: '127.0.0.1:1',
        cause: { code },
      });
    });
  });

  test('close() of its store does, and the state says so', async () => {
    const mirror = await w.open();
    await w.until(() => w.script.watches.size === 1);
    await w.store.close();
    await w.until(() => mirror.state.status === 'closed');
    expect(mirror.state).toMatchObject({ error: { code: 'closed' } });
    expect(mirror.get('a')?.value).toEqual({ n: 1 });
  });

  test('also while nothing can be reached', async () => {
    const mirror = await w.open();
    await w.until(() => w.script.watches.size === 1);
    w.script.cut();
    await w.clock.advance(1_000);
    await w.store.close();
    await w.until(() => mirror.state.status === 'closed');
    expect(mirror.state).toMatchObject({ error: { code: 'closed' } });
  });

  test.each([
    ['withPrefix', (store: ConfigStore) => withPrefix(store, '/things')],
    ['readOnly', (store: ConfigStore) => withPrefix(readOnly(store), '/things')],
  ])('through a view (%s) it is the same: answers end nothing, the store below does', async (_name, viewOf) => {
    const opening = mirror(viewOf(w.store), { prefix: '/', codec: json<Thing>(), clock: w.clock, random: () => 0.5 });
    await w.until(() => w.script.watches.size === 1);
    const viewed = await opening;
    const failure = new StoreError('unsupported', 'answered by a proxy');
    w.script.beforeRead = () => {
      throw failure;
    };
    w.script.failWatches(failure);
    await w.until(() => viewed.state.status === 'stale');
    expect(viewed.state).toMatchObject({ cause: { code: 'unsupported' } });
    w.script.heal();
    await w.until(() => viewed.state.status === 'live');
    await w.store.close();
    await w.until(() => viewed.state.status === 'closed');
    expect(viewed.state).toMatchObject({ error: { code: 'closed' } });
  });
});
