import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { mirror, text } from '@holdfast/core';
import { availableEtcds, eventually } from '@holdfast/testkit';
import { etcdHeaders, HostileServer, type Reply } from './support/hostile-server.js';
import { World } from './support/world.js';

/** Stands for the id of the cluster behind. */
const CLUSTER = 'the cluster';
const says = (status: number, body: string, headers: Record<string, string> = {}): Reply => ({ status, body, headers });

// What a proxy in front of a real etcd says by itself for a while, to calls and long polls alike.
const SPELLS: readonly (readonly [string, Reply])[] = [
  ['a page with 404', says(404, '<html>404 Not Found</html>')],
  ["404 as Go's servers say it", says(404, '404 page not found\n')],
  ['{"error":"no route"}', says(404, '{"error":"no route"}')],
  ['405', says(405, 'Method Not Allowed')],
  ['403', says(403, '{"message":"Forbidden"}')],
  ['200 and a page', says(200, '<html>It works!</html>')],
  ["etcd's headers and {}", says(200, '{}', etcdHeaders(99, CLUSTER))],
  ["etcd's headers and an empty node", says(200, '{"action":"get","node":{}}', etcdHeaders(99, CLUSTER))],
  ["etcd's headers and an internal error", says(200, '{"message":"internal error"}', etcdHeaders(99, CLUSTER))],
  ['an index of 2^53', says(200, '{"action":"get","node":{"dir":true}}', etcdHeaders('9007199254740992', CLUSTER))],
  ['413', says(413, '<html>413 Request Entity Too Large</html>')],
  ['an endless page', { status: 200, body: 'x'.repeat(65_536), headers: etcdHeaders(99, CLUSTER), endless: true }],
];

// One version is enough: nothing of this depends on the server.
describe.each(availableEtcds({ api: 'v2' }).slice(0, 1))(
  'a mirror on etcd $version whose proxy answers by itself',
  ({ version }) => {
    let world: World;
    let proxy: HostileServer;
    let cluster = '';

    beforeAll(async () => {
      world = await World.start(version);
      await world.burst(20, (index) => `/m/${index}`);
      cluster = (await world.open().status()).identity;
      await world.tidy();
      proxy = await HostileServer.start(() => 'pass', { upstream: world.etcd.endpoints[0]! });
    });
    afterEach(() => world.tidy());
    afterAll(async () => {
      await world.close();
      await proxy.close();
    });

    test.each(SPELLS)('%s keeps what it has, and is live again', async (name, reply) => {
      proxy.reply(() => 'pass');
      const store = world.open({ endpoints: [proxy.endpoint], maxResponseBytes: 1_000_000 });
      await using routes = await mirror(store, { prefix: '/m/', codec: text(), livenessMs: 600 });
      const removed: string[] = [];
      routes.on('change', ({ changes }) => {
        for (const { type, key } of changes) if (type === 'delete') removed.push(key);
      });
      await eventually(() => routes.state.status === 'live');
      proxy.reply(() => {
        if (typeof reply === 'string' || reply.headers?.['x-etcd-cluster-id'] !== CLUSTER) return reply;
        return { ...reply, headers: { ...reply.headers, 'x-etcd-cluster-id': cluster } };
      });
      proxy.cut();
      await eventually(() => routes.state.status !== 'live');
      const asked = proxy.asked.length;
      await eventually(() => proxy.asked.length > asked + 5);
      expect([routes.size, removed, routes.get('7')?.value]).toEqual([20, [], '7']);
      proxy.reply(() => 'pass');
      proxy.cut();
      await world.raw('PUT', '/m/0', { value: name });
      await eventually(() => routes.get('0')?.value === name && routes.state.status === 'live');
      expect([routes.size, removed]).toEqual([20, []]);
    });
  },
);
