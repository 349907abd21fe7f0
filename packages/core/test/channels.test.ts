import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { isStoreError, StoreError } from '@holdfast/store';
import { mirror, type MirrorChannels } from '@holdfast/core';
import { thing, world, type World } from './support/world.js';

const SECRET = 'zq-secret';
const BAD = `not JSON: ${SECRET}`;

describe.each(['like-v3', 'like-v2'] as const)('the channels of mirrors, on a store %s', (kind) => {
  let w: World;
  const undo: (() => void)[] = [];
  const told: unknown[] = [];
  beforeEach(async () => {
    w = world(kind);
    await w.data.put('/things/a', thing(1));
    told.length = 0;
  });
  afterEach(async () => {
    for (const each of undo.splice(0)) each();
    // The bad values of all tests hold it, and so do the messages of the errors that they bring.
    expect(JSON.stringify(told)).not.toContain(SECRET);
    await w.close();
  });

  function heard<Name extends keyof MirrorChannels>(name: Name): MirrorChannels[Name][] {
    const events: MirrorChannels[Name][] = [];
    const on = (event: unknown) => {
      events.push(event as MirrorChannels[Name]);
      told.push(event);
    };
    subscribe(name, on);
    undo.push(() => unsubscribe(name, on));
    return events;
  }

  test('tell of the load, and of each step with its changes and new problems', async () => {
    const loads = heard('holdfast:mirror:load');
    const steps = heard('holdfast:mirror:step');
    const problems = heard('holdfast:mirror:problem');
    await w.data.put('/things/bad', BAD);
    const mirrored = await w.open({ name: 'things' });
    expect(loads).toMatchObject([{ mirror: 'things', store: 'memory', durationMs: expect.any(Number) }]);
    expect(loads[0]).not.toHaveProperty('code');
    expect(steps).toMatchObject([{ mirror: 'things', cause: 'load', changed: 1, problems: 1 }]);
    expect(problems).toMatchObject([{ mirror: 'things', key: 'bad', revision: mirrored.problems()[0]?.revision }]);
    await w.data.put('/things/b', thing(2));
    await w.data.put('/things/c', BAD);
    await w.until(() => problems.length === 2);
    expect(steps.slice(1)).toMatchObject([
      { cause: 'watch', changed: 1, problems: 0, lagMs: expect.any(Number) },
      { cause: 'watch', changed: 0, problems: 1, revision: mirrored.revision },
    ]);
    const { figures } = problems[0] ?? {};
    expect(figures).toBe(steps.at(-1)?.figures);
    expect(JSON.parse(JSON.stringify(figures))).toEqual({
      ...{ status: 'live', connection: 'connected', keys: 4, problems: 2, staleMs: 0 },
      revision: mirrored.revision,
    });
  });

  test('have a staleness for a gauge only once the load is over, and then a true one', async () => {
    const stale: (number | undefined)[] = [];
    const read = (message: unknown) => {
      stale.push((message as { readonly figures: { readonly staleMs?: number } }).figures.staleMs);
    };
    const names = ['holdfast:mirror:step', 'holdfast:mirror:load', 'holdfast:mirror:state'];
    for (const name of names) {
      subscribe(name, read);
      undo.push(() => unsubscribe(name, read));
    }
    await w.data.put('/things/more', thing(1));
    await w.open({ name: 'things' });
    expect(stale.length).toBeGreaterThanOrEqual(3);
    expect(stale.filter((each = 0) => each > 1_000)).toEqual([]);
    expect([stale[0], stale.at(-1)]).toEqual([undefined, 0]);
  });

  test('tell what becomes of the state, with the failure and for how long', async () => {
    const mirrored = await w.open({ name: 'things' });
    await w.until(() => w.script.opened.length === 1);
    await w.clock.advance(1_000);
    const states = heard('holdfast:mirror:state');
    w.script.cut();
    await w.until(() => states.length > 0);
    expect(states[0]).toMatchObject({
      ...{ status: 'live', previous: 'live', connection: 'interrupted', code: 'unavailable', endpoint: '127.0.0.1:1' },
    });
    await w.until(() => mirrored.state.status === 'stale');
    expect(states.at(-1)).toMatchObject({ status: 'stale', previous: 'live', reason: 'no-evidence' });
    expect(states.at(-1)?.figures.staleMs).toBe(mirrored.health().staleMs);
    expect(mirrored.health().staleMs).toBeGreaterThan(0);
    w.script.heal();
    await w.until(() => mirrored.health().staleMs === 0);
    expect(states.at(-1)).toMatchObject({ status: 'live', connection: 'connected' });
    await mirrored.close();
    expect(states.at(-1)).toMatchObject({ status: 'closed' });
    expect(states.at(-1)).not.toHaveProperty('code');
  });

  test('tell of a resync, by its reason', async () => {
    const mirrored = await w.open({ name: 'things' });
    await w.until(() => w.script.opened.length === 1);
    const resyncs = heard('holdfast:mirror:resync');
    const steps = heard('holdfast:mirror:step');
    const from = mirrored.revision;
    w.script.cut();
    await w.data.put('/things/b', thing(2));
    w.script.failWatches(new StoreError('history-changed', SECRET));
    w.script.heal();
    await w.until(() => resyncs.length > 0);
    expect(resyncs).toMatchObject([{ mirror: 'things', reason: 'history-changed', from, changed: expect.any(Number) }]);
    expect(resyncs[0]?.durationMs).toBeGreaterThanOrEqual(0);
    expect(steps.at(-1)).toMatchObject({ cause: 'resync', revision: resyncs[0]?.revision });
  });

  test('tell how an audit came out', async () => {
    const audits = heard('holdfast:mirror:audit');
    await w.open({ name: 'things', auditEveryMs: 10_000 });
    await w.until(() => audits.length > 0);
    expect(audits).toMatchObject([{ mirror: 'things', result: 'equal', durationMs: expect.any(Number) }]);
    let isRefused = false;
    w.script.beforeRead = (read) => {
      if (read.kind !== 'scan' || isRefused) return;
      isRefused = true;
      throw new StoreError('permission-denied', SECRET);
    };
    await w.until(() => audits.length > 1);
    expect(audits[1]).toMatchObject({ result: 'failed', code: 'permission-denied' });
  });

  test('tell of an audit that finds a difference, and of the resync that follows', async () => {
    await w.data.put('/things/b', thing(1));
    const mirrored = await w.open({ name: 'things', auditEveryMs: 60_000 });
    await w.until(() => w.script.opened.length === 1);
    const audits = heard('holdfast:mirror:audit');
    const resyncs = heard('holdfast:mirror:resync');
    // An event is lost on the way, which no fingerprint shows: a later one comes.
    w.script.onBatch = (batch) => ({
      ...batch,
      events: batch.events.filter((event) => event.type !== 'put' || event.current.key !== '/things/b'),
    });
    await w.data.put('/things/b', thing(7));
    await w.data.put('/things/c', thing(8));
    await w.until(() => mirrored.has('c'));
    await w.until(() => resyncs.length > 0, 120_000);
    expect(audits).toMatchObject([{ mirror: 'things', result: 'different' }]);
    expect(resyncs).toMatchObject([{ reason: 'audit', changed: 1 }]);
  });

  test('tell why a mirror could not load', async () => {
    const loads = heard('holdfast:mirror:load');
    w.script.cut();
    const opening = mirror(w.store, { prefix: '/things/', clock: w.clock, startTimeoutMs: 1_000 });
    const refused = opening.catch((error: unknown) => error);
    await w.clock.advance(2_000);
    expect(isStoreError(await refused, 'timeout')).toBe(true);
    expect(loads).toMatchObject([{ mirror: '/things/', code: 'timeout', figures: { keys: 0 } }]);
    expect(loads[0]?.durationMs).toBeGreaterThanOrEqual(1_000);
    expect(loads[0]?.figures.staleMs).toBeUndefined();
  });

  test('tell of the bad values of a lazy mirror when somebody reads them', async () => {
    const problems = heard('holdfast:mirror:problem');
    await w.data.put('/things/bad', BAD);
    const mirrored = await w.open({ name: 'lazy', decode: 'lazy' });
    expect(problems).toEqual([]);
    mirrored.get('bad');
    expect(problems).toMatchObject([{ mirror: 'lazy', key: 'bad' }]);
  });
});
