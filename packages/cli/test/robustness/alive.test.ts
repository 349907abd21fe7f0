// `unref`, and what keeps a process alive without it: in processes of their own, which `runInChild` lets end by themselves.
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { certificateAuthority, eventually, startEtcd, startProxy, type Etcd, type Proxy } from '@holdfast/testkit';
import { v2Outside, v3Outside } from '../faults/outside.js';
import { runInChild, type ChildOptions } from './child.js';
import type { AliveInput, AliveResult } from './programs/alive.js';
import { startSwallowingPort, type SwallowingPort } from '../support/swallowing-port.js';

const run = (input: AliveInput, more?: ChildOptions): Promise<AliveResult> =>
  runInChild('alive', input, { endsWithinMs: 40_000, ...more });

let etcd: Etcd;
let proxy: Proxy;
let swallowing: SwallowingPort;
beforeAll(async () => {
  etcd = await startEtcd({ enableV2: true });
  proxy = await startProxy(etcd.endpoints[0]!);
  swallowing = await startSwallowingPort();
});
afterAll(async () => {
  await swallowing.close();
  await proxy.close();
  await etcd.close();
});

const BACKENDS = ['memory', 'etcd-v3', 'etcd-v2'] as const;
const LEFT_OPEN = ['live, 1', 'live, 1', 'live, 1'];

describe('a process ends by itself', () => {
  test.each(BACKENDS)('beside mirrors and watches with unref, on the store and on views: %s', async (backend) => {
    const scenario = 'mirrors and watches with unref, left open';
    expect(await run({ backend, endpoints: etcd.endpoints, scenario })).toEqual(LEFT_OPEN);
  });

  test.each(['etcd-v3', 'etcd-v2'] as const)('beside them over TLS: %s', async (backend) => {
    const authority = certificateAuthority();
    await using secured = await startEtcd({ enableV2: true, tls: { ...authority.issue('server') } });
    const where = { backend, endpoints: secured.endpoints, ca: authority.cert };
    expect(await run({ ...where, scenario: 'mirrors and watches with unref, left open' })).toEqual(LEFT_OPEN);
  });

  describe.each(['etcd-v3', 'etcd-v2'] as const)('when the store is gone: %s', (backend) => {
    afterEach(() => proxy.allow());

    const outside = () => (backend === 'etcd-v3' ? v3Outside(etcd) : v2Outside(etcd));

    test.each(['refuses', 'is silent'] as const)('it %s', async (how) => {
      const scenario = 'a mirror and a watch with unref, when the store is gone';
      const readyKey = how.replace(' ', '-');
      const result = run({ backend, endpoints: [proxy.endpoint], scenario, readyKey });
      await eventually(async () => (await outside().held('/alive/')).has(readyKey), { timeoutMs: 60_000 });
      if (how === 'refuses') proxy.refuse();
      else proxy.blackHole();
      proxy.cut();
      expect(await result).toBe('the mirror is open');
    });

    // Whatever it reads by itself, nobody waits for that.
    test.each(['a read of a mirror with unref', 'a read of a mirror of a view with unref'] as const)(
      'and does not answer %s',
      async (scenario) => {
        const readyKey = scenario.replaceAll(' ', '-');
        const result = run({ backend, endpoints: [proxy.endpoint], keepalive: false, scenario, readyKey });
        await eventually(async () => (await outside().held('/alive/')).has(readyKey), { timeoutMs: 60_000 });
        proxy.blackHole();
        expect(await result).toBe('the mirror is live');
      },
    );
  });
});

describe('a process stays', () => {
  test.each(BACKENDS)('as long as a mirror is open: %s', async (backend) => {
    expect(await run({ backend, endpoints: etcd.endpoints, scenario: 'an open mirror' })).toBe('was alive');
  });

  test.each(BACKENDS)('as long as a watch is open: %s', async (backend) => {
    expect(await run({ backend, endpoints: etcd.endpoints, scenario: 'an open watch' })).toBe('was alive');
  });

  test.each(['etcd-v3', 'etcd-v2'] as const)('for calls under way, beside a mirror with unref: %s', async (backend) => {
    await using slow = await startProxy(etcd.endpoints[0]!);
    slow.delay(200, 'toClient');
    const scenario = 'calls under way, beside a mirror with unref';
    const done = await run({ backend, endpoints: [slow.endpoint], scenario });
    expect(done).toEqual(['put', 'get', 'scan', 'sync', 'status', 'close']);
  });

  test.each(['etcd-v3', 'etcd-v2'] as const)(
    'until a mirror with unref has loaded, or says why not: %s',
    async (backend) => {
      const scenario = 'a mirror with unref that can not load';
      expect(await run({ backend, endpoints: ['http://127.0.0.1:1'], connectMs: 100, scenario })).toBe('timeout');
    },
  );
});

test.each(['etcd-v3', 'etcd-v2', 'postgres'] as const)(
  'after close() nothing waits for a connection that is being made: %s',
  async (backend) => {
    const where = { backend, endpoints: [swallowing.endpoint], connectMs: 600_000 };
    // The system itself gives such a connection up after two minutes.
    const done = await run({ ...where, scenario: 'a closed store that was connecting' }, { mostMs: 60_000 });
    expect(done).toBe('timeout');
  },
);
