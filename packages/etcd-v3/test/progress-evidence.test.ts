// Which servers are asked for progress: those alone that are known to answer in order (docs/traps.md#trap-10), whatever stands between.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { silentLogger, type Watch } from '@holdfast/store';
import { etcdV3Store, type EtcdCredentials } from '@holdfast/etcd-v3';
import {
  availableEtcds,
  eventually,
  grpcAnswer,
  isAtLeast,
  isOfVersion,
  startAnsweringProxy,
  startEtcd,
  type AnsweringProxy,
  type Etcd,
  type ProxyAnswer,
} from '@holdfast/testkit';
import { APP, enableAuth } from './watch-auth.js';

const STATUS = '/etcdserverpb.Maintenance/Status';
const MEMBERS = '/etcdserverpb.Cluster/MemberList';

/** What proxies say where they let nobody through. None of it is etcd's own refusal. */
const REFUSALS: readonly (readonly [name: string, answer: ProxyAnswer])[] = [
  ['403 with a page', { status: 403, headers: { 'content-type': 'text/html' }, body: '<h1>Forbidden</h1>' }],
  ['a gRPC denial of its own', grpcAnswer([], { status: 7, message: 'RBAC: access denied' })],
  ['UNIMPLEMENTED', grpcAnswer([], { status: 12, message: 'unknown service etcdserverpb.Maintenance' })],
];

/** The same answer as of another member: its header has another id. */
function ofAnother(message: Buffer): Buffer {
  const changed = Buffer.from(message);
  let at = 2; // Past the header's tag and length.
  expect([changed[0], changed[at]]).toEqual([0x0a, 0x08]);
  while (changed[++at]! >= 0x80); // The cluster's id.
  expect(changed[++at]).toBe(0x10);
  changed[at + 1]! ^= 1;
  return changed;
}

// 3.6 is as 3.7 here.
const versions = availableEtcds().filter(({ version }) => !isOfVersion(version, '3.6'));

describe.each(versions)('in front of etcd $version', ({ version }) => {
  /** The version of the whole cluster shows that all members answer in order. */
  const clusterShows = isAtLeast(version, '3.6');

  let etcd: Etcd;
  let secured: Etcd;
  let proxy: AnsweringProxy;
  const warnings: string[] = [];
  const open: { close(): Promise<unknown> }[] = [];

  beforeAll(async () => {
    [etcd, secured] = await Promise.all([
      startEtcd({ version }),
      startEtcd({ version, args: ['--bcrypt-cost=4'] }).then(async (started) => {
        await enableAuth(started, ['/app/']);
        return started;
      }),
    ]);
  });
  afterAll(() => Promise.all([etcd.close(), secured.close()]));

  beforeEach(() => {
    warnings.length = 0;
  });
  afterEach(async () => {
    for (const each of open.splice(0).reverse()) await each.close();
  });

  async function follow(server: Etcd, arrange: () => void, auth?: EtcdCredentials): Promise<Watch> {
    proxy = await startAnsweringProxy(server.endpoints[0]!);
    arrange();
    const store = etcdV3Store({
      endpoints: [proxy.endpoint],
      auth,
      watch: { progressMs: 20 },
      logger: { ...silentLogger, warn: (message) => void warnings.push(message) },
    });
    const watch = store.watch({ prefix: '/app/' });
    open.push(proxy, store, watch);
    await watch.ready;
    return watch;
  }

  /** How often progress was asked for: what a watch sends beside its creation. */
  const requests = async (server: Etcd) =>
    server.metric('grpc_server_msg_received_total', { grpc_service: 'etcdserverpb.Watch', grpc_method: 'Watch' });
  const asked = (path: string) => proxy.requests.filter((each) => each === path).length;

  async function expectAsked(server: Etcd): Promise<void> {
    const before = await requests(server);
    await eventually(async () => expect(await requests(server)).toBeGreaterThan(before + 3));
  }

  /** The question about the version is put again at growing intervals: many of them have passed. */
  async function expectNotAsked(server: Etcd, before: number, path = STATUS): Promise<void> {
    await eventually(async () => asked(path) >= 4 || (await requests(server)) > before + 1);
    expect((await requests(server)) - before).toBe(1);
    expect(warnings).toEqual([expect.stringContaining('not asked for progress')]);
  }

  test('a member that tells its version is asked if that is new enough', async () => {
    await follow(etcd, () => undefined);
    await eventually(() => asked(STATUS) >= 1);
    // A version that is too old is asked for again, since a member may be upgraded; one that is new enough is not.
    if (!isAtLeast(version, '3.5')) return;
    await expectAsked(etcd);
    expect(asked(STATUS)).toBe(1);
  });

  test.each(REFUSALS)('a proxy that refuses the status shows nothing: %s', async (_name, refusal) => {
    const before = await requests(etcd);
    await follow(etcd, () => {
      proxy.answer(({ path }) => (path === STATUS ? refusal : 'pass'));
    });
    // The version of the whole cluster is told to anybody. That of 3.5 may be one whose answers are not in order.
    if (clusterShows) await expectAsked(etcd);
    else await expectNotAsked(etcd, before);
  });

  test('a version that a balancer got from another member does not count', async () => {
    const before = await requests(etcd);
    await follow(etcd, () => {
      proxy.rewrite((message, path) => {
        if (path !== STATUS) return message;
        const told = ofAnother(message);
        const at = told.indexOf('3.4.23');
        if (at !== -1) told.write('3.7.13', at);
        return told;
      });
    });
    if (clusterShows) await expectAsked(etcd);
    else await expectNotAsked(etcd, before);
  });

  test("etcd's own refusal counts for the member that refuses, and for no other", async () => {
    const before = await requests(secured);
    const refusing = () => {
      proxy.answer(({ path }) =>
        path === STATUS ? grpcAnswer([], { status: 7, message: 'etcdserver: permission denied' }) : 'pass',
      );
    };
    await follow(secured, refusing, APP);
    await expectAsked(secured);
    for (const each of open.splice(0).reverse()) await each.close();
    const between = await requests(secured);
    expect(between).toBeGreaterThan(before);
    await follow(
      secured,
      () => {
        refusing();
        proxy.rewrite((message, path) => (path === MEMBERS ? ofAnother(message) : message));
      },
      APP,
    );
    if (clusterShows) await expectAsked(secured);
    else await expectNotAsked(secured, between);
  });
});
