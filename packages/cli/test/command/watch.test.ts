import { expect, test } from '@jest/globals';
import { GuardedStore, type DriverWatch } from '@holdfast/store/adapter';
import { eventually, startEtcd, startProxy } from '@holdfast/testkit';
import { memoryStore } from '@holdfast/memory';
import { jsonLines, sharedMemory, startCommand, command } from '../support/command.js';
import { MemberBehind } from '../support/member-behind.js';

test('each change is a line: revision, kind, key, value', async () => {
  const shared = sharedMemory();
  const { store } = shared;
  const { revision } = await store.put('/w/a', '0');
  const watch = startCommand(['watch', '/w/', '--after', String(revision), '--previous'], shared);
  await store.put('/w/a', '1');
  await store.txn({
    then: [
      { type: 'put', key: '/w/b', value: 'two\nlines' },
      { type: 'delete', range: '/w/a' },
      { type: 'put', key: '/other', value: '' },
    ],
  });
  await watch.shows('/w/b');
  watch.signal('SIGINT');
  expect(await watch.code).toBe(130);
  const lines = watch.out.split('\n').map((line) => line.split('\t'));
  expect(lines).toEqual([
    [String(revision + 1), 'update', '/w/a', '1', '0'],
    ...[
      [String(revision + 2), 'delete', '/w/a', '1'],
      [String(revision + 2), 'create', '/w/b', 'two\\nlines'],
    ].sort((a, b) => watch.out.indexOf(a[1]!) - watch.out.indexOf(b[1]!)),
    [''],
  ]);
});

test('with --json each change is an event of the contract', async () => {
  const shared = sharedMemory();
  const watch = startCommand(['watch', '--all', '--json', '--after', '1'], shared);
  await shared.store.put('a', new Uint8Array([0xff]));
  await shared.store.delete('a');
  await watch.shows('"delete"');
  watch.signal('SIGTERM');
  expect(await watch.code).toBe(143);
  expect(jsonLines(watch.out)).toMatchObject([
    { type: 'put', revision: 2, isCreate: true, current: { key: 'a', valueBase64: '/w==' } },
    { type: 'delete', revision: 3, key: 'a' },
  ]);
});

test('a member that is behind makes no old change a new one', async () => {
  let isWatched = false;
  class Observed extends MemberBehind {
    override watch(...args: Parameters<MemberBehind['watch']>): DriverWatch {
      isWatched = true;
      return super.watch(...args);
    }
  }
  const shared = sharedMemory(new GuardedStore(new Observed(memoryStore())));
  await shared.store.put('/w/old', '1');
  const watch = startCommand(['watch', '/w/'], shared);
  await eventually(() => {
    if (!isWatched) throw new Error('the watch has not begun yet');
  });
  await shared.store.put('/w/new', '1');
  await watch.shows('/w/new');
  watch.signal('SIGINT');
  await watch.code;
  expect(watch.out).not.toContain('/w/old');
});

test('only one kind of change is shown where that is asked for', async () => {
  const shared = sharedMemory();
  const watch = startCommand(['watch', '--all', '--only', 'delete', '--after', '1'], shared);
  await shared.store.put('a', '1');
  await shared.store.delete('a');
  await watch.shows('delete');
  watch.signal('SIGINT');
  await watch.code;
  expect(watch.out).toBe('3\tdelete\ta\n');
});

test('a history that is gone is told, and ends it: events would be missing', async () => {
  const shared = sharedMemory();
  for (const value of ['1', '2', '3']) await shared.store.put('a', value);
  await shared.store.compact(4);
  const { code, err } = await command(['watch', '--all', '--after', '1'], shared);
  expect(code).toBe(4);
  expect(err).toContain('Name a later revision');
});

test('a lost connection is told, and loses no event', async () => {
  await using etcd = await startEtcd({ version: '3.6' });
  await using proxy = await startProxy(etcd.endpoints[0]!);
  const env = { HOLDFAST_STORE: proxy.endpoint.replace('http:', 'etcd-v3:') };
  await etcd.put('/w/0', 'x');
  const watch = startCommand(['watch', '/w/', '--after', '1'], { env });
  await watch.shows('/w/0');
  proxy.refuse();
  proxy.cut();
  await etcd.put('/w/1', 'x');
  await watch.shows('events may be late');
  await proxy.allow();
  await watch.shows('/w/1');
  await watch.shows('No event was lost.');
  watch.signal('SIGINT');
  expect(await watch.code).toBe(130);
  expect(watch.out.match(/\/w\/\d/g)).toEqual(['/w/0', '/w/1']);
});
