import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { SessionStateEvent } from '@holdfast/coordination';
import { world, type World } from './support/world.js';

const NAME = 'holdfast:session:state';
let w: World;
let told: SessionStateEvent[];
const listener = (event: unknown) => {
  told.push(event as SessionStateEvent);
};
beforeEach(() => {
  w = world();
  told = [];
  subscribe(NAME, listener);
});
afterEach(async () => {
  unsubscribe(NAME, listener);
  await w.close();
});

test('holdfast:session:state tells of a session that opens and is closed, once', async () => {
  const { session } = await w.session({ ttl: 9 });
  const common = { store: 'memory', lease: session.lease, ttl: 9 };
  expect(told).toEqual([{ ...common, state: 'open' }]);
  await w.passing(session.close());
  await w.passing(session.close());
  expect(told.slice(1)).toEqual([{ ...common, state: 'closed' }]);
});

test('holdfast:session:state tells of a session that was lost, and why', async () => {
  const { session, link } = await w.session({ ttl: 9 });
  link.fallSilent();
  await w.clock.advance(6_000);
  const common = { store: 'memory', lease: session.lease, ttl: 9 };
  expect(told.slice(1)).toEqual([{ ...common, state: 'lost', code: 'timeout' }]);
});

test('holdfast:session:state tells of a lease that others revoked', async () => {
  const { session } = await w.session({ ttl: 9 });
  await w.data.leases.revoke(session.lease);
  await w.until(() => told.length === 2);
  expect(told[1]).toMatchObject({ state: 'lost', code: 'lease-not-found' });
});
