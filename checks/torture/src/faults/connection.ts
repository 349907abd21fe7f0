import { eventually, type Random } from '@holdfast/testkit';
import { NotInjected, type Fault, type Injection } from '../fault.js';
import { callHttp } from '../outside.js';
import type { World } from '../world.js';
import { linger } from './members.js';

// A transaction that is half-open holds the lock of a store for ten seconds, until the database ends it.
const PATIENCE_MS = 20_000;

/** What faults of connections act upon. */
export type LinkedWorld = Pick<World, 'proxies' | 'mirrors'> & { readonly direct: Pick<World['direct'], 'put'> };

/** A fault of connections, of whatever store. */
interface LinkFault extends Fault {
  inject(world: LinkedWorld, random: Random): Promise<Injection>;
}

const allow = async ({ proxies }: Pick<World, 'proxies'>): Promise<void> => {
  await Promise.all(proxies.map((proxy) => proxy.allow()));
};

const connections = ({ proxies }: Pick<World, 'proxies'>): number =>
  proxies.reduce((sum, proxy) => sum + proxy.connections, 0);

/** Connections end, once or several times, with a FIN or a reset. New ones are served at once, or refused for a while. */
export const cut: LinkFault & { kind: 'cut' } = {
  kind: 'cut',
  appliesTo: () => true,
  async inject(world, random) {
    const times = random.between(1, 3);
    const refuses = random.chance(0.5);
    const reset = random.chance(0.5);
    for (let time = 1; time <= times; time += 1) {
      await eventually(() => connections(world) > 0, { timeoutMs: PATIENCE_MS });
      for (const proxy of world.proxies) {
        if (refuses) proxy.refuse();
        proxy.cut({ reset });
      }
      if (refuses) {
        if (connections(world) > 0) throw new NotInjected('a connection has outlived its cut');
        await linger(random, 50, 800);
        if (time < times) await allow(world);
      } else await linger(random, 0, 200);
    }
    return { heal: () => allow(world), details: { times, refuses, reset } };
  },
};

/** A cut in the middle of the data: after a number of bytes in one direction. The next connection may be cut in the same way. */
export const cutAfterBytes: LinkFault & { kind: 'cut-after-bytes' } = {
  kind: 'cut-after-bytes',
  appliesTo: () => true,
  async inject(world, random) {
    const times = random.between(1, 3);
    const direction = random.chance(0.7) ? 'toClient' : 'toServer';
    const counts: number[] = [];
    for (let time = 1; time <= times; time += 1) {
      const bytes = random.between(1, random.pick([100, 3_000, 20_000]));
      counts.push(bytes);
      const armed = world.proxies.map((proxy) => proxy.cutAfter(bytes, { direction }));
      const late = new Promise<'late'>((resolve) => setTimeout(resolve, PATIENCE_MS, 'late'));
      const result = await Promise.race([late, ...armed.map(({ happened }) => happened)]);
      for (const each of armed) each.disarm();
      if (result === 'late') throw new NotInjected(`not as many as ${bytes} bytes went ${direction}`);
    }
    return { heal: () => allow(world), details: { times, direction, bytes: counts.join(' ') } };
  },
};

/**
 * Connections stay open, but nothing passes: for a while, after which the data flows on, or for good, like behind a router that has forgotten
 * them, while new ones would be served. Only keepalives notice the second kind.
 */
export const blackHole: LinkFault & { kind: 'black-hole' } = {
  kind: 'black-hole',
  appliesTo: () => true,
  inject: (world, random) => (random.chance(0.5) ? halfOpen(world) : held(world, () => linger(random, 300, 2_500))),
};

async function held(world: LinkedWorld, last: () => Promise<number>): Promise<Injection> {
  for (const proxy of world.proxies) proxy.blackHole();
  const before = bytes(world);
  const ms = await last();
  if (bytes(world) !== before) {
    await allow(world);
    throw new NotInjected('bytes have passed through a black hole');
  }
  return { heal: () => allow(world), details: { how: 'held', ms } };
}

async function halfOpen(world: LinkedWorld): Promise<Injection> {
  const head = () => Math.max(...world.mirrors.map(({ mirror }) => mirror.revision));
  const abandoned = world.proxies.map((proxy) => proxy.abandon());
  const count = abandoned.reduce((sum, each) => sum + each.count, 0);
  const end = (): Promise<void> => {
    for (const each of abandoned) each.end();
    return Promise.resolve();
  };
  const before = head();
  // The mirrors must miss a write, otherwise they would have converged from the beginning.
  const { revision } = await eventually(() => world.direct.put('/t/missed', '1'), { timeoutMs: PATIENCE_MS });
  if (count === 0 || world.mirrors.some(({ name, mirror }) => name !== 'key' && mirror.revision >= revision)) {
    await end();
    throw new NotInjected(`of ${count} connections one still brought ${before} to ${revision}`);
  }
  return {
    heal: () => Promise.resolve(),
    cleanUp: end,
    bound: 'keepalive',
    details: { how: 'half-open', connections: count },
  };
}

function bytes({ proxies }: LinkedWorld): number {
  return proxies.reduce((sum, { bytesToClient, bytesToServer }) => sum + bytesToClient + bytesToServer, 0);
}

/** Every byte comes late, in one direction or in both. */
export const delay: Fault = {
  kind: 'delay',
  appliesTo: () => true,
  async inject(world, random) {
    const ms = random.between(50, 500);
    const direction = random.pick(['toClient', 'toServer', undefined] as const);
    for (const proxy of world.proxies) proxy.delay(ms, direction);
    const heal = (): Promise<void> => {
      for (const proxy of world.proxies) proxy.delay(0);
      return Promise.resolve();
    };
    await expectSlow(world, ms, heal);
    const lasted = await linger(random, 300, 1_500);
    return { heal, details: { ms, direction: direction ?? 'both', lasted } };
  },
};

/** Each connection passes only few bytes a second: fewer than are written. */
export const throttle: Fault = {
  kind: 'throttle',
  appliesTo: () => true,
  async inject(world, random) {
    const bytesPerSecond = random.between(500, 20_000);
    for (const proxy of world.proxies) proxy.throttle(bytesPerSecond);
    const heal = (): Promise<void> => {
      for (const proxy of world.proxies) proxy.throttle(Infinity);
      return Promise.resolve();
    };
    // The request is long enough to take measurable time.
    await expectSlow(world, 200, heal, { 'x-padding': 'x'.repeat(bytesPerSecond * 0.25) });
    const lasted = await linger(random, 300, 1_500);
    return { heal, details: { bytesPerSecond, lasted } };
  },
};

/** @throws NotInjected if a small request through a proxy is faster than that */
async function expectSlow(
  { proxies }: World,
  ms: number,
  heal: () => Promise<void>,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const began = performance.now();
  await callHttp(`${proxies[0]?.endpoint ?? ''}/version`, { headers }, PATIENCE_MS);
  const took = performance.now() - began;
  if (took >= ms * 0.9) return;
  await heal();
  throw new NotInjected(`a request took ${took.toFixed(1)} ms; it should have taken ${ms.toFixed(1)}`);
}
