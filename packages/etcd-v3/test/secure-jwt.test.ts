// Tokens that say themselves how long they live, and get old with every change of users or roles.
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Clock } from '@holdfast/store';
import { systemClock } from '@holdfast/store/adapter';
import { availableEtcds, eventually, findEtcd, startEtcd, type Etcd } from '@holdfast/testkit';
import { etcdV3Store, type EtcdV3Options, type EtcdV3Store } from '@holdfast/etcd-v3';
import { APP, enableAuth } from './watch-auth.js';
import { Follower } from './watch-world.js';

/** Authentication that is quick, so that users can be changed often: a bcrypt hash takes a millisecond. */
const QUICK = '--bcrypt-cost=4';

function jwtFlags(folder: string): readonly string[] {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  const [pub, priv] = [join(folder, 'jwt.pub'), join(folder, 'jwt.key')];
  writeFileSync(pub, publicKey);
  writeFileSync(priv, privateKey, { mode: 0o600 });
  return [`--auth-token=jwt,pub-key=${pub},priv-key=${priv},sign-method=RS256,ttl=5m`, QUICK];
}

const MAIN = findEtcd({}).version;
/** Before 3.5.5 etcd said the same with other words and another code. */
const VERSIONS = availableEtcds().filter(({ version }) => version === MAIN || version.startsWith('3.4.'));

describe.each(VERSIONS)('tokens of etcd $version', ({ version }) => {
  // Etcd looks simple tokens up: that they pass through the same change is no matter of the version.
  const kinds = version === MAIN ? (['jwt', 'simple'] as const) : (['jwt'] as const);

  describe.each(kinds)('%s', (kind) => {
    let etcd: Etcd;
    let folder: string;
    const open: { close(): unknown }[] = [];

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'holdfast-jwt-'));
      etcd = await startEtcd({ version, args: kind === 'jwt' ? jwtFlags(folder) : [QUICK] });
      await enableAuth(etcd, ['/app/']);
    });
    afterAll(async () => {
      await etcd.close();
      await rm(folder, { recursive: true });
    });
    afterEach(async () => {
      for (const resource of open.splice(0).reverse()) await resource.close();
    });

    const connect = (options: Partial<EtcdV3Options> = {}): EtcdV3Store => {
      const store = etcdV3Store({ endpoints: etcd.endpoints, auth: APP, ...options });
      open.push(store);
      return store;
    };
    const post = async (path: string, body: unknown, token = ''): Promise<{ token?: string; message?: string }> => {
      const headers: Record<string, string> = token === '' ? {} : { authorization: token };
      const answer = await fetch(`${etcd.endpoints[0]}/v3/${path}`, {
        method: 'POST',
        body: JSON.stringify(body),
        headers,
      });
      return (await answer.json()) as { token?: string; message?: string };
    };
    /** Grants and revokes a role of somebody else, some fifty times a second, until it is closed. */
    const changeRoles = (): { readonly changes: number; close(): Promise<void> } => {
      const state = { running: true, changes: 0 };
      const loop = (async () => {
        await post('auth/role/add', { name: 'other' }, await rootToken());
        while (state.running) {
          const began = performance.now();
          const permission = { permType: 'READ', key: btoa(`/other/${state.changes % 7}`) };
          const { message } = await post('auth/role/grant', { name: 'other', perm: permission }, await rootToken());
          if (message === undefined) state.changes += 1;
          await new Promise((resolve) => setTimeout(resolve, Math.max(0, 20 - (performance.now() - began))));
        }
      })();
      return {
        get changes() {
          return state.changes;
        },
        close: async () => {
          state.running = false;
          await loop;
        },
      };
    };
    const rootToken = async () => (await post('auth/authenticate', { name: 'root', password: 'rootpw' })).token ?? '';
    const authentications = () => etcd.metric('grpc_server_started_total', { grpc_method: 'Authenticate' });

    test('fifty changes of roles a second fail no call, apply no write twice, and end no watch', async () => {
      const store = connect();
      await store.put('/app/counter', 'first');
      const before = await store.get('/app/counter');
      const { bookmark: after } = await store.list('/app/counter');
      const changing = changeRoles();
      open.push(changing);
      await eventually(() => changing.changes > 5);
      const followers = Array.from({ length: 10 }, () => new Follower(store.watch({ prefix: '/app/' }, { after })));
      let puts = 0;
      const until = changing.changes + 25;
      const loop = async (call: () => Promise<unknown>): Promise<void> => {
        while (changing.changes < until) await call();
      };
      await Promise.all([
        loop(async () => {
          await store.put('/app/counter', String(puts));
          puts += 1;
        }),
        loop(() => store.get('/app/counter')),
        loop(() => store.list({ prefix: '/app/' }, { consistency: 'serializable' })),
        loop(() => store.txn({ if: [{ key: '/app/counter', target: 'version', op: '>', value: 0 }], then: [] })),
        loop(() => store.leases.grant(60)),
        loop(async () => {
          const watch = store.watch({ prefix: '/app/' });
          await watch.ready;
          await watch.close();
        }),
      ]);
      await changing.close();
      expect(puts).toBeGreaterThan(0);
      const written = await store.get('/app/counter');
      expect(written!.version! - before!.version!).toBe(puts);
      const { revision } = await store.put('/app/last', 'x');
      await eventually(() => followers.every(({ revisions }) => revisions.includes(revision)));
      expect(followers.map(({ error }) => error)).toEqual(followers.map(() => undefined));
      for (const follower of followers) follower.check();
    });

    if (kind === 'simple') return;

    test.each([-600_000, 600_000])('by a clock that is %i ms off, calls authenticate once', async (offMs) => {
      const clock: Clock = { ...systemClock, now: () => systemClock.now() + offMs };
      const store = connect({ clock });
      const before = await authentications();
      for (let call = 0; call < 40; call += 1) await store.get('/app/x');
      expect(await authentications()).toBe(before + 1);
    });
  });
});
