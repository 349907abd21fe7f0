import { existsSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  availableEtcds,
  certificateAuthority,
  eventually,
  isAtLeast,
  servesV2,
  startEtcd,
  startProxy,
  type Etcd,
} from '@holdfast/testkit';

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe.each(availableEtcds())('etcd $version', ({ version }) => {
  describe('one member', () => {
    let etcd: Etcd;
    const get = (key: string): Promise<string> => etcd.ctl('get', key, '--print-value-only');

    beforeAll(async () => {
      etcd = await startEtcd({ version });
    });

    afterAll(async () => {
      await etcd.close();
    });

    test('serves the version asked for, on the loopback alone, to etcdctl and to the JSON API', async () => {
      expect(etcd.version).toBe(version);
      expect(etcd.endpoints).toHaveLength(1);
      expect(etcd.endpoints[0]).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      expect(await etcd.ctl('version')).toContain(version);
      await etcd.ctl('put', 'a', 'by etcdctl');
      expect(await get('a')).toBe('by etcdctl\n');
      const revision = await etcd.put('a', 'by the API');
      expect(await get('a')).toBe('by the API\n');
      expect(await etcd.revision()).toBe(revision);
    });

    test('takes keys that are not UTF-8', async () => {
      await etcd.put(Uint8Array.of(0x2f, 0xff), 'one');
      await etcd.ctlWith('\nput "/\\xfe" "two"\n\n\n', 'txn');
      const printed = await etcd.ctl('get', '/', '--prefix', '--keys-only', '-w', 'json');
      const { kvs } = JSON.parse(printed) as { kvs: { key: string }[] };
      expect(kvs.map(({ key }) => Buffer.from(key, 'base64').toString('hex'))).toEqual(['2ffe', '2fff']);
    });

    test('a failing etcdctl is an error with what it said', async () => {
      await expect(etcd.ctl('put', '', 'no key')).rejects.toThrow('key is not provided');
      await expect(etcd.ctl('no-such-command')).rejects.toThrow('no-such-command');
      await expect(etcd.api('kv/range', { key: '', range_end: '' })).rejects.toThrow('answered 400');
    });

    test('tells its metrics, and which it does not have', async () => {
      expect(await etcd.metric('etcd_debugging_mvcc_watcher_total')).toBe(0);
      expect(await etcd.metric('etcd_debugging_mvcc_watch_stream_total')).toBe(0);
      expect(await etcd.metric('etcd_server_has_leader')).toBe(1);
      const started = { grpc_service: 'etcdserverpb.KV', grpc_method: 'Range' };
      const before = await etcd.metric('grpc_server_started_total', started);
      await etcd.ctl('get', 'a');
      expect(await etcd.metric('grpc_server_started_total', started)).toBe(before + 1);
      expect(await etcd.metric('grpc_server_started_total', { grpc_method: 'NoSuch' })).toBe(0);
      await expect(etcd.metric('etcd_no_such_metric')).rejects.toThrow('etcd_no_such_metric');
    });

    test.each(['kill', 'stop'] as const)(
      '%s and start again: same ports, same process no more, nothing lost',
      async (end) => {
        const member = etcd.members[0]!;
        const { pid, endpoint } = member;
        const revision = await etcd.put('kept', end);
        await member[end]();
        expect(member.state).toBe('stopped');
        expect(isAlive(pid!)).toBe(false);
        await expect(etcd.api('kv/range', {})).rejects.toThrow('start() one first');
        await member.start();
        expect(member.endpoint).toBe(endpoint);
        expect(member.pid).not.toBe(pid);
        expect(await get('kept')).toBe(`${end}\n`);
        expect(await etcd.revision()).toBe(revision);
      },
    );

    test('a paused member answers nothing and is back when resumed', async () => {
      const member = etcd.members[0]!;
      member.pause();
      expect(member.state).toBe('paused');
      await expect(etcd.ctl('get', 'a', '--command-timeout=200ms')).rejects.toThrow(/deadline|timed out/);
      member.resume();
      expect(member.state).toBe('running');
      expect(await etcd.ctl('get', 'a', '--keys-only')).toContain('a');
    });

    test('a paused member can be killed', async () => {
      const member = etcd.members[0]!;
      member.pause();
      await member.kill();
      await member.start();
      expect(member.state).toBe('running');
    });

    test('compacts all there is, or up to a revision', async () => {
      const first = await etcd.put('c', '1');
      const second = await etcd.put('c', '2');
      expect(await etcd.compact(first)).toBe(first);
      await expect(etcd.ctl('get', 'c', `--rev=${first - 1}`)).rejects.toThrow('compacted');
      expect(await etcd.compact()).toBe(second);
      await expect(etcd.ctl('get', 'c', `--rev=${first}`)).rejects.toThrow('compacted');
    });

    test('a restore lowers the revision, and by a new token changes the cluster id', async () => {
      const then = await etcd.put('restored', 'old');
      const snapshot = await etcd.snapshot();
      for (let i = 0; i < 5; i += 1) await etcd.put('restored', `new ${i}`);
      const { clusterId, memberId } = await etcd.members[0]!.status();
      await etcd.restore(snapshot);
      expect(await etcd.revision()).toBe(then);
      expect(await get('restored')).toBe('old\n');
      const after = await etcd.members[0]!.status();
      expect(after.clusterId).not.toBe(clusterId);
      expect(after.memberId).not.toBe(memberId);
    });

    test('a restore by the same token keeps cluster and member ids; the raft term falls', async () => {
      const then = await etcd.put('restored', 'old');
      const snapshot = await etcd.snapshot();
      await etcd.put('restored', 'new');
      await etcd.members[0]!.kill();
      await etcd.members[0]!.start();
      const before = await etcd.members[0]!.status();
      await etcd.restore(snapshot, { sameToken: true });
      const after = await etcd.members[0]!.status();
      expect([after.clusterId, after.memberId]).toEqual([before.clusterId, before.memberId]);
      expect(after.revision).toBe(then);
      expect(after.raftTerm).toBeLessThan(before.raftTerm);
      expect(await get('restored')).toBe('old\n');
    });

    test('a restore with raised revisions leaves nothing to resume from (3.5 and later)', async () => {
      const then = await etcd.put('restored', 'old');
      const snapshot = await etcd.snapshot();
      if (!isAtLeast(version, '3.5')) {
        await expect(etcd.restore(snapshot, { bumpRevision: 1_000 })).rejects.toThrow('etcdutl');
        return;
      }
      await etcd.restore(snapshot, { sameToken: true, bumpRevision: 1_000 });
      expect(await etcd.revision()).toBe(then + 1_000);
      expect(await get('restored')).toBe('old\n');
      await expect(etcd.ctl('get', 'restored', `--rev=${then}`)).rejects.toThrow('compacted');
    });

    test('a copy of the data directory brings the state of then back, and the ids with it', async () => {
      const then = await etcd.put('copied', 'old');
      const before = await etcd.members[0]!.status();
      const copy = await etcd.copyData();
      await etcd.put('copied', 'new');
      await etcd.useData(copy);
      expect(await get('copied')).toBe('old\n');
      const after = await etcd.members[0]!.status();
      expect(after.revision).toBe(then);
      expect(after.clusterId).toBe(before.clusterId);
    });

    test('a wipe leaves nothing; only by a new token it changes the cluster id', async () => {
      await etcd.put('wiped', 'x');
      const before = await etcd.members[0]!.status();
      await etcd.wipe({ sameToken: true });
      const same = await etcd.members[0]!.status();
      expect([same.clusterId, same.revision]).toEqual([before.clusterId, 1]);
      await etcd.put('wiped', 'x');
      await etcd.wipe();
      const other = await etcd.members[0]!.status();
      expect(other.clusterId).not.toBe(before.clusterId);
      expect(await etcd.ctl('get', '', '--prefix')).toBe('');
    });
  });

  test('another cluster starts from a snapshot, or from a copied data directory', async () => {
    await using first = await startEtcd({ version });
    await first.put('a', '1');
    const snapshot = await first.snapshot();
    const copy = await first.copyData();
    await using fromSnapshot = await startEtcd({ version, nodes: 3, snapshotFrom: snapshot });
    expect(await fromSnapshot.ctl('get', 'a', '--print-value-only')).toBe('1\n');
    await using fromCopy = await startEtcd({ version, dataDir: `${copy}/m1` });
    expect(await fromCopy.ctl('get', 'a', '--print-value-only')).toBe('1\n');
    await first.put('a', '2');
    expect(await fromCopy.revision()).toBe((await first.revision()) - 1);
  });

  test('three members: one may fall, the others go on, it comes back and catches up', async () => {
    await using etcd = await startEtcd({ version, nodes: 3 });
    expect(etcd.endpoints).toHaveLength(3);
    const leader = await etcd.leader();
    await leader.kill();
    const next = await etcd.leader();
    expect(next).not.toBe(leader);
    const revision = await eventually(() => etcd.put('a', '1'));
    await leader.start();
    await eventually(async () => expect((await leader.status()).revision).toBe(revision));
    expect(await etcd.ctl('member', 'list')).toContain(etcd.members[2]!.endpoint);
    expect(await etcd.metric('etcd_server_has_leader')).toBe(3);
  });

  test('three members without a quorum start and wait for it', async () => {
    await using etcd = await startEtcd({ version, nodes: 3 });
    const [one, two, three] = etcd.members;
    await etcd.put('a', '1');
    await Promise.all(etcd.members.map((member) => member.kill()));
    await one!.start();
    await expect(etcd.ctl('get', 'a', '--command-timeout=300ms')).rejects.toThrow();
    await Promise.all([two!.start(), three!.start()]);
    expect(await etcd.ctl('get', 'a', '--print-value-only')).toBe('1\n');
  });

  test('three members restore together', async () => {
    await using etcd = await startEtcd({ version, nodes: 3 });
    const then = await etcd.put('a', 'old');
    const snapshot = await etcd.snapshot();
    await etcd.put('a', 'new');
    const { clusterId } = await etcd.members[0]!.status();
    await etcd.restore(snapshot, { sameToken: true });
    expect(await etcd.revision()).toBe(then);
    expect((await etcd.members[2]!.status()).clusterId).toBe(clusterId);
  });

  test('the v2 API is served where asked for, up to 3.5; later ones start without it', async () => {
    await using etcd = await startEtcd({ version, enableV2: true });
    if (!servesV2(version)) {
      expect((await fetch(`${etcd.endpoints[0]}/v2/keys/a`)).status).toBe(404);
      return;
    }
    const written = await fetch(`${etcd.endpoints[0]}/v2/keys/a`, {
      method: 'PUT',
      body: new URLSearchParams({ value: '1' }),
    });
    expect(written.status).toBe(201);
    await written.text();
  });

  test('TLS to clients, with client certificates where an authority for them is given', async () => {
    const authority = certificateAuthority();
    const tls = { ...authority.issue('etcd'), clientCa: authority.cert };
    await using etcd = await startEtcd({ version, tls });
    expect(etcd.endpoints[0]).toMatch(/^https:/);
    await etcd.put('a', '1');
    expect(await etcd.ctl('get', 'a', '--print-value-only')).toBe('1\n');
    const { hostname, port } = new URL(etcd.endpoints[0]!);
    const handshake = (identity: object): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connect({ host: hostname, port: Number(port), ca: authority.cert, ...identity });
        socket.on('error', reject);
        socket.on('data', (data: Buffer) => {
          socket.destroy();
          resolve(data.toString());
        });
        socket.write('GET /version HTTP/1.0\r\n\r\n');
      });
    expect(await handshake(authority.issue('somebody'))).toContain(version);
    await expect(handshake({})).rejects.toThrow(/certificate/);
    await expect(handshake({ ...authority.issue('somebody'), servername: 'other.host' })).rejects.toThrow(/altnames/);
    await expect(handshake(certificateAuthority().issue('stranger'))).rejects.toThrow();
  });

  test('behind a proxy, etcdctl meets the faults and etcd does not', async () => {
    await using etcd = await startEtcd({ version });
    await using proxy = await startProxy(etcd.endpoints[0]!);
    const through = [`--endpoints=${proxy.endpoint}`];
    await etcd.ctl(...through, 'put', 'a', '1');
    proxy.blackHole();
    await expect(etcd.ctl(...through, '--command-timeout=300ms', 'put', 'a', '2')).rejects.toThrow(
      /deadline|timed out/,
    );
    proxy.cut(); // Else what the black hole swallowed would be delivered after all.
    await proxy.allow();
    expect(await etcd.ctl(...through, 'get', 'a', '--print-value-only')).toBe('1\n');
    proxy.refuse();
    await expect(etcd.ctl(...through, '--command-timeout=300ms', 'put', 'a', '3')).rejects.toThrow();
    expect(await etcd.ctl('get', 'a', '--print-value-only')).toBe('1\n');
  });

  test('flags given by the test win over the launcher’s own', async () => {
    await using etcd = await startEtcd({ version, args: ['--log-level=info', '--max-request-bytes=1000'] });
    await expect(etcd.put('a', 'x'.repeat(600_000))).rejects.toThrow('larger than max');
    expect(etcd.members[0]!.log()).toContain('"level":"info"');
  });

  test('a server that ends at once is an error with its log', async () => {
    await expect(startEtcd({ version, args: ['--election-timeout=1'] })).rejects.toThrow(
      /etcd m1 ended by itself[^]*election-timeout/,
    );
  });

  test('after close() no process, no data and no listener is left', async () => {
    const etcd = await startEtcd({ version, nodes: 3 });
    const pids = etcd.members.map((member) => member.pid!);
    const folder = dirname(etcd.members[0]!.dataDir);
    expect(pids.every(isAlive)).toBe(true);
    expect(readdirSync(folder)).toContain('m1');
    await etcd.members[0]!.kill();
    await etcd.close();
    await etcd.close();
    expect(pids.some(isAlive)).toBe(false);
    expect(existsSync(folder)).toBe(false);
    await expect(fetch(`${etcd.endpoints[0]}/version`)).rejects.toThrow();
  });
});
