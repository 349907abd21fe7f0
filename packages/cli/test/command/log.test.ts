import { expect, test } from '@jest/globals';
import { memoryStore } from '@holdfast/memory';
import { GuardedStore } from '@holdfast/store/adapter';
import { startEtcd } from '@holdfast/testkit';
import { command, jsonLines, sharedMemory, type CommandOptions } from '../support/command.js';
import { MemberBehind } from '../support/member-behind.js';

test('every change of a key is shown, the newest first, over its deletion too', async () => {
  await using etcd = await startEtcd({ version: '3.6' });
  const memory = sharedMemory();
  const backends: CommandOptions[] = [
    memory,
    { env: { HOLDFAST_STORE: etcd.endpoints[0]!.replace('http:', 'etcd-v3:') } },
  ];
  for (const options of backends) {
    const run = (...args: string[]) => command(args, options);
    await run('put', '/l/a', 'one');
    await run('put', '/l/b', 'another');
    await run('put', '/l/a', 'two');
    await run('delete', '/l/a');
    expect(await run('log', '/l/a')).toMatchObject({
      code: 0,
      out: '5\tdelete\t/l/a\n4\tupdate\t/l/a\ttwo\n2\tcreate\t/l/a\tone\n',
      err: '',
    });
    expect((await run('log', '/l/a', '--limit', '1')).out).toBe('5\tdelete\t/l/a\n');
    expect(jsonLines((await run('log', '/l/b', '--json')).out)).toMatchObject([
      { type: 'put', revision: 3, isCreate: true, current: { key: '/l/b', value: 'another' } },
    ]);

    // What a compaction leaves is the key as it was then.
    await run('compact', '4', '--yes');
    const compacted = await run('log', '/l/a');
    expect(compacted.out).toBe('5\tdelete\t/l/a\n4\tkept\t/l/a\ttwo\n');
    expect(compacted.err).toBe('The history before revision 4 is gone.\n');
    expect((await run('log', '/l/b')).out).toBe('3\tkept\t/l/b\tanother\n');

    const absent = await run('log', '/l/nothing');
    expect(absent.code).toBe(1);
    expect(absent.err).toContain('there is no key');
  }
});

test('the newest change is shown, where a member that is behind tells the status', async () => {
  const shared = sharedMemory(new GuardedStore(new MemberBehind(memoryStore())));
  await shared.store.put('/l/a', 'one');
  await shared.store.put('/l/a', 'two');
  expect((await command(['log', '/l/a'], shared)).out).toBe('3\tupdate\t/l/a\ttwo\n2\tcreate\t/l/a\tone\n');
});

test('a backend that keeps no history says so', async () => {
  const { code, err } = await command(['log', '/a', '--store', 'etcd-v2://127.0.0.1:1']);
  expect(code).toBe(2);
  expect(err).toContain('keeps no history');
});
