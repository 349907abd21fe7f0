// The faults that a naive mirror does not survive, as far as users, tokens and permissions have a part in them. Tokens last
// for a second or two here.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { MirrorState } from '@holdfast/core';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { isStoreError, silentLogger, type ConfigStore, type Logger } from '@holdfast/store';
import { eventually, startEtcd, startProxy, virtualClock, type Etcd, type Proxy } from '@holdfast/testkit';
import { v3Outside } from './outside.js';
import { WatchedMirror } from './watched-mirror.js';
import { sampledEtcds } from '../../../../.ci/test/support/sampled-etcds.js';

const ROOT = '--user=root:rootpw';
const SOON = { timeoutMs: 20_000 };

describe.each(sampledEtcds())('the mirror of a user of etcd $version', ({ version }) => {
  let etcd: Etcd;
  let proxy: Proxy;
  let store: ConfigStore;
  const opened: WatchedMirror[] = [];

  beforeAll(async () => {
    // The deletion of a token is a debug message.
    etcd = await startEtcd({ version, args: ['--auth-token-ttl=1', '--log-level=debug'] });
    await etcd.ctl('user', 'add', 'root:rootpw');
    await etcd.ctl('user', 'grant-role', 'root', 'root');
    await etcd.ctl('role', 'add', 'app');
    await etcd.ctl('user', 'add', 'app:apppw');
    await etcd.ctl('user', 'grant-role', 'app', 'app');
    for (const prefix of ['/a/', '/b/']) {
      await etcd.ctl('role', 'grant-permission', 'app', '--prefix=true', 'read', prefix);
      for (const key of ['1', '2']) await etcd.ctl('put', `${prefix}${key}`, '0');
    }
    await etcd.ctl('auth', 'enable');
  });

  afterAll(() => etcd.close());

  beforeEach(async () => {
    proxy = await startProxy(etcd.endpoints[0]!);
    store = etcdV3Store({ endpoints: [proxy.endpoint], auth: { username: 'app', password: 'apppw' } });
  });

  afterEach(async () => {
    try {
      await Promise.all(opened.splice(0).map(({ mirror }) => mirror.close()));
      await eventually(async () => (await etcd.metric('etcd_debugging_mvcc_watcher_total')) === 0);
    } finally {
      // What a failed test leaves would keep Jest's worker, and fail the next test, too.
      await store.close();
      await proxy.close();
    }
  });

  async function open(prefix: string): Promise<WatchedMirror> {
    const watched = await WatchedMirror.open(store, v3Outside(etcd, ROOT), prefix);
    opened.push(watched);
    await watched.settled({ watchers: opened.length });
    return watched;
  }

  const put = (key: string, value: number) => etcd.ctl(ROOT, 'put', key, String(value));
  const permit = (what: 'grant' | 'revoke', prefix: string) =>
    etcd.ctl(ROOT, 'role', `${what}-permission`, 'app', '--prefix=true', ...(what === 'grant' ? ['read'] : []), prefix);

  /** The newest deletion of a token of the user that the server has told of. */
  function tokenDeletedAt(): number {
    const [last] = etcd.members[0]!.log().split('\n').filter(isDeletionOfToken).slice(-1);
    return last === undefined ? 0 : Date.parse((JSON.parse(last) as { ts: string }).ts);
  }

  test('token expired while idle, then cut', async () => {
    const began = Date.now();
    const watched = await open('/a/');
    await eventually(() => tokenDeletedAt() > began, SOON);
    proxy.cut();
    await put('/a/1', 1);
    await watched.settled();
    // The same once more, with a token that is not the first.
    const again = Date.now();
    await eventually(() => tokenDeletedAt() > again, SOON);
    proxy.refuse();
    proxy.cut();
    await put('/a/2', 2);
    await proxy.allow();
    await watched.settled();
    expect(watched.resyncReasons).toEqual([]);
  });

  test('role revoked, cut, granted again', async () => {
    const watched = await open('/a/');
    const { mirror } = watched;
    const states: MirrorState[] = [];
    mirror.on('state', (state) => states.push(state));
    await permit('revoke', '/a/');
    proxy.cut();
    await put('/a/1', 3);
    await eventually(() => mirror.state.status === 'stale', SOON);
    await eventually(() => 'cause' in mirror.state && mirror.state.cause?.code === 'permission-denied', SOON);
    // What it had stays readable, and what it must not see stays unseen.
    expect(mirror.get('1')?.value).not.toBe(3);
    await permit('grant', '/a/');
    await watched.settled();
    expect(mirror.get('1')?.value).toBe(3);
    expect(states.map(({ status }) => status).filter((status) => status === 'closed')).toEqual([]);
  });

  test('two watches, the first forbidden', async () => {
    const forbidden = await open('/b/');
    const allowed = await open('/a/');
    await permit('revoke', '/b/');
    proxy.cut();
    await put('/a/1', 4);
    await put('/b/1', 4);
    await allowed.settled();
    await eventually(() => forbidden.mirror.state.status === 'stale', SOON);
    // Both go on, each in its own way, for as long as it takes.
    await put('/a/2', 5);
    await allowed.settled();
    expect(forbidden.mirror.get('1')?.value).toBe(0);
    await permit('grant', '/b/');
    await forbidden.settled({ watchers: 2 });
    await allowed.settled({ watchers: 2 });
  });

  test('a mirror of what is forbidden says so when its time is up, and takes nothing with it', async () => {
    // Its time is up when it was refused: on its own clock, since a slow machine may need longer than any time for that.
    const clock = virtualClock();
    let isRefused = false;
    const debug: Logger['debug'] = (_message, { error } = {}) => {
      isRefused ||= isStoreError(error, 'permission-denied');
    };
    const logger = { ...silentLogger, debug };
    const refused = WatchedMirror.open(store, v3Outside(etcd, ROOT), '/c/', { startTimeoutMs: 1_000, clock, logger });
    refused.catch(() => undefined);
    const allowed = open('/a/');
    await eventually(() => isRefused);
    await clock.advance(1_000);
    await expect(refused).rejects.toMatchObject({ code: 'timeout', cause: { code: 'permission-denied' } });
    await put('/a/1', 6);
    await (await allowed).settled();
  });
});

function isDeletionOfToken(line: string): boolean {
  return line.includes('"deleted a simple token"') && line.includes('"user-name":"app"') && line.endsWith('}');
}
