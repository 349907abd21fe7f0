import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventually, startAnsweringProxy, startEtcd, type Etcd } from '@holdfast/testkit';
import { command, jsonLines, sharedMemory, startCommand, type CommandOptions } from '../support/command.js';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-entries-'));
let etcd: Etcd;

beforeAll(async () => {
  etcd = await startEtcd({ version: '3.5', enableV2: true });
});

afterAll(async () => {
  await etcd.close();
  rmSync(folder, { recursive: true });
});

const shared = sharedMemory();
const host = () => etcd.endpoints[0]!.replace('http://', '');

/** The same commands on each backend. */
const backends: readonly (readonly [name: string, options: () => CommandOptions])[] = [
  ['memory', () => shared],
  ['etcd-v3', () => ({ env: { HOLDFAST_STORE: `etcd-v3://${host()}` } })],
  ['etcd-v2', () => ({ env: { HOLDFAST_STORE: `etcd-v2://${host()}` } })],
];

describe.each(backends)('on %s', (name, options) => {
  const run = (args: readonly string[], more: CommandOptions = {}) => command(args, { ...options(), ...more });

  test('what put writes, get gives byte for byte', async () => {
    expect(await run(['put', '/b/text', 'one\ntwo'])).toMatchObject({ code: 0, err: '' });
    const { bytes, err } = await run(['get', '/b/text']);
    expect({ text: bytes.toString(), err }).toEqual({ text: 'one\ntwo', err: '' });

    expect((await run(['put', '/b/input', '-'], { input: 'from a pipe\n' })).code).toBe(0);
    expect((await run(['get', '/b/input'])).out).toBe('from a pipe\n');

    writeFileSync(join(folder, 'value'), 'from a file');
    expect((await run(['put', '/b/file', '--file', 'value'], { cwd: folder })).code).toBe(0);
    expect((await run(['get', '/b/file'])).out).toBe('from a file');

    expect((await run(['put', '/b/dash', '--', '-1'])).code).toBe(0);
    expect((await run(['get', '/b/dash'])).out).toBe('-1');
    expect((await run(['put', '/b/empty', ''])).code).toBe(0);
    expect(await run(['get', '/b/empty'])).toMatchObject({ code: 0, out: '' });
  });

  test('bytes that are no text go through where the store takes them', async () => {
    const logo = Buffer.from([0, 0xff, 0x0a, 0x80]);
    const put = await run(['put', '/b/logo', '-'], { input: logo });
    if (name === 'etcd-v2') {
      expect(put.code).toBe(2);
      return;
    }
    expect((await run(['get', '/b/logo'])).bytes).toEqual(logo);
    const [json] = jsonLines((await run(['get', '/b/logo', '--json'])).out);
    expect(json).toMatchObject({ key: '/b/logo', valueBase64: logo.toString('base64') });
    expect(json).not.toHaveProperty('value');
  });

  test('guards decide, and exit with 5', async () => {
    const [first] = jsonLines((await run(['put', '/g/a', '1', '--json'])).out) as [{ revision: number }];
    expect((await run(['put', '/g/a', '2', '--if-absent'])).code).toBe(5);
    expect((await run(['put', '/g/b', '2', '--if-present'])).code).toBe(5);
    expect((await run(['put', '/g/a', '2', '--if-value', '0'])).code).toBe(5);
    const held = await run(['put', '/g/a', '2', '--if-revision', String(first.revision), '--previous', '--json']);
    expect(jsonLines(held.out)).toMatchObject([{ succeeded: true, previous: { key: '/g/a', value: '1' } }]);
    const failed = await run(['put', '/g/a', '3', '--if-revision', String(first.revision), '--json']);
    expect(failed.code).toBe(5);
    expect(jsonLines(failed.out)).toMatchObject([{ succeeded: false }]);
    expect(jsonLines(failed.err)).toMatchObject([{ code: 'conflict' }]);
    expect((await run(['delete', '/g/a', '--if-value', '1'])).code).toBe(5);
    expect((await run(['delete', '/g/a', '--if-value', '2'])).code).toBe(0);
    expect((await run(['get', '/g/a'])).code).toBe(1);
  });

  test('a list is tab-separated in a pipe, NDJSON with --json, a table on a terminal', async () => {
    for (const key of ['/l/a', '/l/b', '/l/c']) await run(['put', key, `value\tof ${key}`]);
    const { out } = await run(['list', '/l/']);
    expect(out.split('\n').map((line) => line.split('\t'))).toEqual([
      ['/l/a', expect.stringMatching(/^\d+$/), 'value\\tof /l/a'],
      ['/l/b', expect.anything(), 'value\\tof /l/b'],
      ['/l/c', expect.anything(), 'value\\tof /l/c'],
      [''],
    ]);
    expect(jsonLines((await run(['list', '/l/', '--json'])).out)).toMatchObject([
      { key: '/l/a', value: 'value\tof /l/a' },
      { key: '/l/b' },
      { key: '/l/c' },
    ]);
    const [keyOnly] = jsonLines((await run(['list', '/l/', '--json', '--keys'])).out);
    expect(keyOnly).not.toHaveProperty('value');
    expect((await run(['list', '/l/', '--keys'])).out).toBe('/l/a\n/l/b\n/l/c\n');
    expect((await run(['list', '/l/', '--count'])).out).toBe('3\n');
    expect((await run(['list', '/l/', '--keys', '--descending'])).out).toBe('/l/c\n/l/b\n/l/a\n');
    const limited = await run(['list', '/l/', '--keys', '--limit', '2']);
    expect(limited).toMatchObject({ out: '/l/a\n/l/b\n', err: '(3 keys in all)\n' });

    const terminal = await run(['list', '/l/', '--long'], { terminal: 100 });
    const [header = '', first] = plain(terminal.out).split('\n');
    expect(header.split(/\s+/)).toEqual(['KEY', 'REVISION', 'CREATED', 'VERSION', 'LEASE', 'VALUE']);
    expect(first).toMatch(/^\/l\/a +\d+ +\d+ +[\d-]+ +- +value\\tof \/l\/a$/);
  });

  test('a prefix is deleted only where somebody says yes', async () => {
    for (const key of ['/d/a', '/d/b']) await run(['put', key, '1']);
    const dry = await run(['delete', '--prefix', '/d/', '--dry-run']);
    expect(dry).toMatchObject({ code: 0, out: '/d/a\n/d/b\n' });
    expect(dry.err).toContain(`Would delete 2 keys of ${name}:`);

    const silent = await run(['delete', '--prefix', '/d/']);
    expect(silent.code).toBe(2);
    expect(silent.err).toContain('This deletes 2 keys of');
    expect(silent.err).toContain('--yes');
    expect((await run(['list', '/d/', '--count'])).out).toBe('2\n');

    const no = await run(['delete', '--prefix', '/d/'], { terminal: 80, input: 'n\n' });
    expect(no.code).toBe(1);
    expect(no.err).toContain('  /d/a\n  /d/b\nDelete them? [y/N] Nothing was changed.\n');
    expect((await run(['list', '/d/', '--count'])).out).toBe('2\n');

    const yes = await run(['delete', '--prefix', '/d/'], { terminal: 80, input: 'y\n' });
    expect(yes.code).toBe(0);
    expect(yes.out).toMatch(/^Deleted (2 keys|it) at revision \d+\.\n$/);
    expect((await run(['list', '/d/', '--count'])).out).toBe('0\n');

    // Nothing is there to be asked about.
    const nothing = await run(['delete', '--prefix', '/d/']);
    expect(nothing).toMatchObject({ code: 0, out: 'There was nothing to delete.\n', err: '' });

    await run(['put', '/d/a', '1']);
    const unasked = await run(['delete', '--prefix', '/d/', '--yes']);
    expect(unasked.code).toBe(0);
    expect(unasked.err).toMatch(/^This deletes 1 key of .*:\n {2}\/d\/a\n$/);
  });

  test('a prefix is deleted only as it was shown', async () => {
    if (name === 'etcd-v2') return;
    const deleteBeside = async (...other: string[]) => {
      await run(['put', '/r/a', '1']);
      const asked = startCommand(['delete', '--prefix', '/r/', '--previous'], { ...options(), terminal: 80 });
      await asked.shows('[y/N]');
      await run(other);
      asked.type('y\n');
      return { code: await asked.code, out: asked.out, err: asked.err };
    };
    const created = await deleteBeside('put', '/r/b', '1');
    expect(created.code).toBe(5);
    expect(created.err).toContain('nothing was deleted');
    expect((await deleteBeside('put', '/r/a', '2')).code).toBe(5);
    expect((await run(['list', '/r/', '--keys'])).out).toBe('/r/a\n/r/b\n');
    // What others have deleted meanwhile is gone either way.
    const deleted = await deleteBeside('delete', '/r/b');
    expect(deleted.code).toBe(0);
    expect(deleted.out).toMatch(/^Deleted 1 key at revision \d+\.\nBefore: \/r\/a 1\n$/);
  });
});

const ESCAPE = String.fromCharCode(27);
const plain = (text: string) => text.replaceAll(new RegExp(`${ESCAPE}\\[\\d+m`, 'g'), '');

test.each([
  [['delete'], 'there is nothing to delete'],
  [['delete', 'a', '--prefix', 'a'], 'a key is given, and a prefix too'],
  [['delete', '--prefix', ''], '--all'],
  [['delete', '--prefix', 'a', '--if-value', '1'], 'a guard is about one key'],
  [['put', 'a'], 'there is no value'],
  [['put', 'a', 'b', '--file', 'c'], 'given twice'],
  [['put', 'a', '--file', 'not-there'], "can't be read"],
  [['list', 'a', '--all'], 'Give one of them'],
])('%j is refused before anything is sent', async (args, message) => {
  const { code, err } = await command(args, sharedMemory());
  expect(code).toBe(2);
  expect(err).toContain(message);
});

test('thousands of keys are listed at one revision, and those that are not UTF-8 are listed too', async () => {
  const prefix = '/many/';
  const bytes = Buffer.concat([Buffer.from(`${prefix}k1`), Buffer.from([0xff])]);
  await etcd.put(bytes, '1');
  for (let block = 0; block < 25; block += 1) {
    const success = Array.from({ length: 100 }, (_, index) => {
      const key = Buffer.from(`${prefix}k${block * 100 + index}`).toString('base64');
      return { request_put: { key, value: 'MQ==' } };
    });
    await etcd.api('kv/txn', { success });
  }
  const options = { env: { HOLDFAST_STORE: `etcd-v3://${host()}` } };
  const { out, err } = await command(['list', prefix, '--keys'], options);
  expect(out.split('\n')).toHaveLength(2_501);
  expect(new Set(out.split('\n')).size).toBe(2_501);
  expect(err).toBe(`Left out: 1 key that is not UTF-8: 0x${bytes.toString('hex')}\n`);
  const lines = jsonLines((await command(['list', prefix, '--json'], options)).out);
  expect(lines).toHaveLength(2_501);
  expect(lines).toContainEqual({
    rawKeyBase64: bytes.toString('base64'),
    revision: expect.any(Number),
    deleted: false,
  });
});

test('a write that may have been applied exits with 6', async () => {
  await using proxy = await startAnsweringProxy(etcd.endpoints[0]!);
  proxy.answer(({ path }) => (path.endsWith('/Put') ? 'hang' : 'pass'));
  const env = { HOLDFAST_STORE: proxy.endpoint.replace('http:', 'etcd-v3:') };
  const put = startCommand(['put', '/u/a', '1'], { env });
  await eventually(() => {
    if (!proxy.requests.some((path) => path.endsWith('/Put'))) throw new Error('nothing is written yet');
  });
  proxy.cut();
  const code = await put.code;
  const { err } = put;
  expect(err).toContain('The write may have been applied: read the key before you write again.');
  expect(code).toBe(6);
});

describe('a terminal of 40 columns', () => {
  test('gets lines that fit, and no control characters of a value', async () => {
    const narrow = sharedMemory();
    await narrow.store.put('/app/a-key-that-is-rather-long-for-it', 'x'.repeat(200));
    await narrow.store.put('/app/漢字', `漢字${ESCAPE}[2J\u009b${'漢'.repeat(50)}`);
    const { out } = await command(['list', '/app/'], {
      ...narrow,
      terminal: 40,
      env: { ...narrow.env, NO_COLOR: '1' },
    });
    const lines = out.trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(out).not.toMatch(/[\u001b\u009b]/);
    for (const line of lines)
      expect([...line].reduce((sum, each) => sum + (each > '\u2e80' ? 2 : 1), 0)).toBeLessThanOrEqual(40);
    expect(lines[1]).toContain('…');
  });

  test('has colours unless NO_COLOR says otherwise', async () => {
    const some = sharedMemory();
    await some.store.put('a', '1');
    const coloured = await command(['list', '--all'], { ...some, terminal: 40 });
    expect(coloured.out).toContain(`${ESCAPE}[1mKEY`);
    const bare = await command(['list', '--all'], { ...some, terminal: 40, env: { ...some.env, NO_COLOR: '1' } });
    expect(bare.out).toBe('KEY  REVISION  VALUE\na    2         1\n');
  });
});

test('a signal at a question changes nothing', async () => {
  const some = sharedMemory();
  await some.store.put('a', '1');
  const running = startCommand(['delete', '--all'], { ...some, terminal: 80 });
  await running.shows('Delete it? [y/N]');
  running.signal('SIGINT');
  expect(await running.code).toBe(130);
  expect(await some.store.get('a')).toBeDefined();
});
