import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { memoryStore } from '@holdfast/memory';
import { StoreError, type ConfigStore } from '@holdfast/store';
import { DelegatingDriver, GuardedStore, type DriverCall, type DriverTxn } from '@holdfast/store/adapter';
import { startEtcd, type Etcd } from '@holdfast/testkit';
import { command, jsonLines, sharedMemory, startCommand } from '../support/command.js';

let etcd: Etcd;

beforeAll(async () => {
  etcd = await startEtcd({ version: '3.5', enableV2: true });
});

afterAll(async () => {
  await etcd.close();
});

/** Keys that were changed, deleted, made and leased since the revision that is returned. */
async function changed(store: ConfigStore): Promise<number> {
  await store.put('/r/kept', 'same');
  await store.put('/r/changed', '{"rps":1,"burst":2}');
  await store.put('/r/binary', new Uint8Array([0, 0xff]));
  await store.put('/r/lock', 'then', { ttl: 600 });
  const { revision } = await store.put('/r/deleted', 'there');
  await store.put('/r/changed', '{"rps":9,"burst":2}');
  await store.delete({ key: '/r/deleted' });
  await store.delete({ key: '/r/lock' });
  await store.put('/r/binary', new Uint8Array([1]));
  await store.put('/r/new', '1');
  await store.put('/r/member', 'up', { ttl: 600 });
  return revision;
}

const values = async (store: ConfigStore) =>
  (await store.list({ prefix: '/r/' })).items.map(({ key, value }) => [key, Buffer.from(value).toString('latin1')]);

const ROLLED_BACK = [
  ['/r/binary', '\u0000\u00ff'],
  ['/r/changed', '{"rps":1,"burst":2}'],
  ['/r/deleted', 'there'],
  ['/r/kept', 'same'],
  ['/r/member', 'up'],
];

test('a prefix goes back in one transaction, and leased keys are left out and listed', async () => {
  const { store, ...shared } = sharedMemory();
  const to = String(await changed(store));
  const before = await values(store);

  const dry = await command(['rollback', '--prefix', '/r/', '--to', to, '--dry-run'], shared);
  expect(dry.code).toBe(0);
  expect(dry.err).toContain('Would change 4 keys (1 created, 2 updated, 1 deleted) in memory:');
  expect(dry.err).toContain('  /r/lock: at revision ');
  expect(dry.err).toContain('  /r/member: it is attached to lease ');
  expect(dry.out).toContain('+ /r/deleted\n    + there\n');
  expect(dry.out).toMatch(/~ \/r\/changed \(revision \d+\)\n {6}\{\n {4}- {3}"rps": 9,\n {4}\+ {3}"rps": 1,\n/);
  expect(dry.out).toMatch(/- \/r\/new \(revision \d+\)\n {4}- 1\n/);
  expect(dry.out).toContain('    - \\u{1}\n    + (2 bytes, not UTF-8)\n');

  const silent = await command(['rollback', '--prefix', '/r/', '--to', to], shared);
  expect(silent.code).toBe(2);
  expect(silent.err).toContain('--yes');
  const no = await command(['rollback', '--prefix', '/r/', '--to', to], { ...shared, terminal: 80, input: 'n\n' });
  expect(no.code).toBe(1);
  expect(await values(store)).toEqual(before);

  const { revision } = await store.put('/elsewhere', '');
  const done = await command(['rollback', '--prefix', '/r/', '--to', to, '--yes', '--json'], shared);
  expect(done.code).toBe(0);
  expect(jsonLines(done.out)).toMatchObject([
    { revision: revision + 1, created: 1, updated: 2, deleted: 1, unchanged: 1 },
  ]);
  expect(jsonLines(done.err)).toMatchObject([
    { leftOut: [{ key: '/r/lock' }, { key: '/r/member' }] },
    { willChange: { store: 'memory:', count: 4 } },
  ]);
  expect(await values(store)).toEqual(ROLLED_BACK);

  const again = await command(['rollback', '--prefix', '/r/', '--to', to], shared);
  expect(again).toMatchObject({ code: 0, out: expect.stringContaining('There is nothing to change') });
});

test('a key that is written while a terminal asks is left as it is, with exit code 5', async () => {
  const { store, ...shared } = sharedMemory();
  const to = String(await changed(store));
  const asked = startCommand(['rollback', '--prefix', '/r/', '--to', to], { ...shared, terminal: 80 });
  await asked.shows('Change them? [y/N]');
  await store.put('/r/changed', 'by another');
  const before = await values(store);
  asked.type('y\n');
  expect(await asked.code).toBe(5);
  expect(asked.err).toContain('nothing was changed: the key "/r/changed" in memory: was changed by another meanwhile');
  expect(await values(store)).toEqual(before);
});

test('one key goes back', async () => {
  const { store, ...shared } = sharedMemory();
  const to = String(await changed(store));
  const { code, out } = await command(['rollback', '/r/changed', '--to', to, '--yes'], shared);
  expect(code).toBe(0);
  expect(out).toMatch(/^Changed 1 key \(1 updated\) in memory: at revision \d+\.\n$/);
  expect((await command(['get', '/r/changed'], shared)).out).toBe('{"rps":1,"burst":2}');
  expect((await command(['rollback', '/r/never', '--to', to], shared)).code).toBe(1);
});

test('what does not fit in one transaction goes in batches, which stop at the first conflict and say where', async () => {
  const below = memoryStore({ maxTxnOperations: 10 });
  const batches: string[][] = [];
  class Meddled extends DelegatingDriver {
    override async txn(txn: DriverTxn, call: DriverCall) {
      const keys = (txn.if ?? []).map((compare) => compare.range.toString());
      batches.push(keys);
      const result = await super.txn(txn, call);
      if (batches.length === 2) await below.put('/b/35', 'by another');
      return result;
    }
  }
  const shared = sharedMemory(new GuardedStore(new Meddled(below)));
  for (let each = 10; each < 40; each += 1) await below.put(`/b/${each}`, 'old');
  const { revision } = await below.put('/elsewhere', '');
  await below.delete({ prefix: '/b/' });
  const { code, err } = await command(['rollback', '--prefix', '/b/', '--to', String(revision), '--yes'], shared);
  expect(code).toBe(5);
  expect(err).toContain('20 of 30 changes were made, the last one at revision ');
  expect(err).toContain('The first one that was not, or is not known to be: + /b/30');
  expect(err).not.toContain('nothing was changed');
  expect(batches.map(({ length }) => length)).toEqual([10, 10, 10]);
});

test('a store that declares no limit and refuses so many operations gets batches of the usual size', async () => {
  const below = memoryStore({ maxTxnOperations: 128 });
  const { maxTxnOperations: _, ...undeclared } = below.capabilities;
  class Undeclared extends DelegatingDriver {
    override readonly capabilities = undeclared;
    override async txn(txn: DriverTxn, call: DriverCall) {
      if ((txn.if ?? []).length > 128) throw new StoreError('too-large', 'too many', { outcome: 'not-applied' });
      return super.txn(txn, call);
    }
  }
  const shared = sharedMemory(new GuardedStore(new Undeclared(below)));
  for (let each = 0; each < 300; each += 1) await below.put(`/b/${each}`, 'old');
  const { revision } = await below.put('/elsewhere', '');
  await below.delete({ prefix: '/b/' });
  const { code, out } = await command(['rollback', '--prefix', '/b/', '--to', String(revision), '--yes'], shared);
  expect(code).toBe(0);
  expect(out).toContain(`Changed 300 keys (300 created) in memory: at revision ${revision + 4}.`);
});

test('etcd v3 goes back, and etcd v2 says that it keeps no history', async () => {
  const host = etcd.endpoints[0]!.replace('http://', '');
  const env = { HOLDFAST_STORE: `etcd-v3://${host}` };
  const put = async (value: string) =>
    jsonLines((await command(['put', '/v/a', value, '--json'], { env })).out)[0] as { revision: number };
  const { revision } = await put('1');
  await put('2');
  const { code, err } = await command(['rollback', '--prefix', '/v/', '--to', String(revision), '--yes'], { env });
  expect({ code, out: (await command(['get', '/v/a'], { env })).out, err }).toMatchObject({ code: 0, out: '1' });
  const v2 = await command(['rollback', '/v/a', '--to', '1'], { env: { HOLDFAST_STORE: `etcd-v2://${host}` } });
  expect(v2.code).toBe(2);
  await etcd.ctl('compact', String(revision));
  expect((await command(['rollback', '/v/a', '--to', '1'], { env })).code).toBe(4);
  expect((await command(['rollback', '/v/a', '--to', '1000000'], { env })).code).toBe(4);
});

describe('misused', () => {
  test.each([
    [['rollback', '--to', '3'], 'there is nothing to put back'],
    [['rollback', 'a'], '--to'],
    [['rollback', 'a', '--prefix', 'b', '--to', '3'], 'Give one of them'],
    [['rollback', '--prefix', '', '--to', '3'], '--all'],
    [['rollback', 'a', '--to', 'x'], 'whole number'],
  ])('%j is refused before anything is sent', async (args, message) => {
    const { code, err } = await command(args, sharedMemory());
    expect(code).toBe(2);
    expect(err).toContain(message);
  });
});
