import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startEtcd, type Etcd } from '@holdfast/testkit';
import { command, jsonLines, sharedMemory, startCommand, type CommandOptions } from '../support/command.js';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-transfer-'));
let etcd: Etcd;

beforeAll(async () => {
  etcd = await startEtcd({ version: '3.5', enableV2: true });
});

afterAll(async () => {
  await etcd.close();
  rmSync(folder, { recursive: true });
});

const on = (scheme: string): CommandOptions => ({
  env: { HOLDFAST_STORE: etcd.endpoints[0]!.replace('http:', `${scheme}:`) },
});

const lines = (...entries: object[]) => entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');

test('what export writes, import writes back: text, bytes, empty values and any key', async () => {
  const from = sharedMemory();
  const values: [string, Uint8Array | string][] = [
    ['/t/empty', ''],
    ['/t/bytes', new Uint8Array([0, 0xff, 0x0a])],
    ['/t/lines', 'one\r\ntwo\n'],
    ['/t/\u{1f600} key\twith "all" \\ of it', '\u2028\u0000é'],
    ['/t/long', 'x'.repeat(300_000)],
  ];
  for (const [key, value] of values) await from.store.put(key, value);
  await from.store.put('/t/lock', 'held', { ttl: 600 });
  const exported = await command(['export', '/t/'], from);
  expect({ code: exported.code, err: exported.err }).toEqual({ code: 0, err: '' });

  const to = sharedMemory();
  const imported = await command(['import', '-', '--yes', '--json'], { ...to, input: exported.bytes });
  expect(imported.code).toBe(0);
  expect(jsonLines(imported.out)).toMatchObject([{ created: 5, unchanged: 0, leftOut: [{ key: '/t/lock' }] }]);
  expect(imported.err).toContain('it was attached to lease');
  const { items } = await to.store.list({ prefix: '/t/' });
  expect(items.map(({ key, value }) => [key, Buffer.from(value)])).toEqual(
    values.map(([key, value]) => [key, Buffer.from(value as string)]).sort(([a], [b]) => (a! < b! ? -1 : 1)),
  );
  // As does the output of list.
  const listed = await command(['list', '/t/', '--json'], to);
  const again = await command(['import', '-', '--yes'], { ...to, input: listed.bytes });
  expect(again).toMatchObject({ code: 0, out: 'There is nothing to change in memory:: 5 keys are as wanted.\n' });
});

test('a key that has another value is never overwritten without --overwrite', async () => {
  const to = sharedMemory();
  await to.store.put('/a', 'mine');
  const input = lines({ key: '/a', value: 'theirs' }, { key: '/b', value: 'new' });
  for (const args of [['--yes'], ['--dry-run']]) {
    const { code, err } = await command(['import', '-', ...args], { ...to, input });
    expect(code).toBe(5);
    expect(err).toContain('nothing was changed: 1 key in memory: has another value: "/a"');
  }
  expect((await to.store.list({ prefix: '' })).count).toBe(1);
  const dry = await command(['import', '-', '--overwrite', '--dry-run'], { ...to, input });
  expect(dry).toMatchObject({ code: 0, out: expect.stringMatching(/^~ \/a .*\n {4}- mine\n {4}\+ theirs\n\+ \/b\n/) });
  expect((await command(['import', '-', '--overwrite', '--yes'], { ...to, input })).code).toBe(0);
  expect((await command(['get', '/a'], to)).out).toBe('theirs');
  // A leased key of the store stays, whatever is said.
  await to.store.put('/a', 'member', { ttl: 600 });
  const leased = await command(['import', '-', '--overwrite', '--yes'], { ...to, input });
  expect(leased.err).toContain('/a: it is attached to lease');
  expect((await command(['get', '/a'], to)).out).toBe('member');
});

test('a file is imported when a terminal says yes, and nothing is written before', async () => {
  const to = sharedMemory();
  writeFileSync(join(folder, 'one.ndjson'), lines({ key: '/a', value: '1' }));
  const asked = startCommand(['import', 'one.ndjson'], { ...to, terminal: 40, cwd: folder });
  await asked.shows('Change it? [y/N]');
  expect((await to.store.list({ prefix: '' })).count).toBe(0);
  asked.type('y\n');
  expect(await asked.code).toBe(0);
  expect(asked.err).toContain('This changes 1 key (1 created) in memory:');
  expect(asked.out).toContain('Changed 1 key (1 created) in memory: at revision 2.');
  const interrupted = startCommand(['import', 'one.ndjson', '--overwrite'], {
    ...sharedMemory(),
    terminal: 40,
    cwd: folder,
  });
  await interrupted.shows('Change it? [y/N]');
  interrupted.signal('SIGINT');
  expect(await interrupted.code).toBe(130);
});

describe('an input that is not as export writes it is refused as a whole', () => {
  test.each([
    ['cut off', `${lines({ key: '/a', value: '1' })}{"key": "/b", "val`, 'line 2: '],
    ['no value', lines({ key: '/a' }), '"value" or "valueBase64"'],
    ['two values', lines({ key: '/a', value: '', valueBase64: '' }), '"value" or "valueBase64"'],
    ['no key', lines({ value: '1' }), 'no "key"'],
    ['bad base64', lines({ key: '/a', valueBase64: '?' }), 'no base64'],
    ['a number', lines({ key: '/a', value: 1 }), 'no string'],
    ['twice', lines({ key: '/a', value: '1' }, { key: '/a', value: '2' }), 'is there twice'],
    ['no JSON', 'a\tb\n', 'line 1'],
    ['no text', Buffer.from([0xff]), 'not UTF-8'],
  ])('%s', async (_, input, message) => {
    const to = sharedMemory();
    const { code, err } = await command(['import', '-', '--yes'], { ...to, input });
    expect(code).toBe(2);
    expect(err).toContain(message);
    expect((await to.store.list({ prefix: '' })).count).toBe(0);
  });

  test('a file that is not there', async () => {
    expect((await command(['import', 'nowhere', '--yes'], sharedMemory())).code).toBe(2);
  });
});

test('etcd v3 to v2 and back: what v2 does not take is told before the first write', async () => {
  for (const [key, value] of [
    ['/x/a', 'one'],
    ['/x/b/c', 'two'],
  ] as const) {
    await etcd.put(key, value);
  }
  const text = (await command(['export', '/x/'], on('etcd-v3'))).out;
  const bad = lines(
    { key: '/x/bin', valueBase64: '/w==' },
    { key: 'no-path', value: '1' },
    { key: '/x/_h', value: '' },
  );
  const refused = await command(['import', '-', '--yes'], { ...on('etcd-v2'), input: text + bad });
  expect(refused.code).toBe(2);
  expect(refused.err).toContain('"/x/bin" is not valid UTF-8');
  expect(refused.err).toContain('"no-path" has no leading /');
  expect(refused.err).toContain('hidden segment');
  expect((await command(['list', '/x/', '--count'], on('etcd-v2'))).out).toBe('0\n');

  expect((await command(['import', '-', '--yes'], { ...on('etcd-v2'), input: text })).code).toBe(0);
  const back = await command(['export', '/x/'], on('etcd-v2'));
  const plain = (out: string) => jsonLines(out).map(({ key, value }) => ({ key, value }));
  expect(plain(back.out)).toEqual(plain(text));
  expect((await command(['import', '-', '--yes'], { ...on('etcd-v3'), input: back.out })).out).toContain(
    '2 keys are as wanted',
  );

  // A key with a time to live is v2's kind of a leased key.
  await command(['put', '/x/ttl', 'up', '--ttl', '600'], on('etcd-v2'));
  const over = { ...on('etcd-v2'), input: lines({ key: '/x/ttl', value: 'x' }, { key: '/x/a', value: 'x' }) };
  const { code, err } = await command(['import', '-', '--overwrite', '--yes'], over);
  expect(code).toBe(0);
  expect(err).toContain('/x/ttl: it has a time to live');
  expect((await command(['get', '/x/ttl'], on('etcd-v2'))).out).toBe('up');
});

test('a value that fits in no request is told before the first write', async () => {
  const to = sharedMemory();
  const input = lines({ key: '/a', value: '1' }, { key: '/b', value: 'x'.repeat(2_000_000) });
  const { code, err } = await command(['import', '-', '--yes'], { ...to, input });
  expect(code).toBe(4);
  expect(err).toContain('"/b" and its value have 2000002 bytes');
  expect((await to.store.list({ prefix: '' })).count).toBe(0);
});

test('keys that are not UTF-8 are listed by export, and left out by import', async () => {
  const raw = Buffer.concat([Buffer.from('/strange/'), Buffer.from([0xff])]);
  await etcd.put(raw, '1');
  await etcd.put('/strange/b', '2');
  const { code, out, err } = await command(['export', '/strange/'], on('etcd-v3'));
  expect(code).toBe(0);
  expect(err).toBe(`Left out: 1 key that is not UTF-8: 0x${raw.toString('hex')}\n`);
  const to = sharedMemory();
  const imported = await command(['import', '-', '--yes'], { ...to, input: out });
  expect(imported.err).toContain(`0x${raw.toString('hex')}: it is not UTF-8`);
  expect((await to.store.list({ prefix: '' })).count).toBe(1);
});
