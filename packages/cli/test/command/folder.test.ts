import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { memoryStore } from '@holdfast/memory';
import { startEtcd } from '@holdfast/testkit';
import { command, jsonLines, sharedMemory, startCommand, type CommandOptions } from '../support/command.js';

const work = mkdtempSync(join(tmpdir(), 'holdfast-folder-'));
afterAll(() => {
  rmSync(work, { recursive: true });
});

let shared: ReturnType<typeof sharedMemory>;
let cwd: string;
beforeEach(() => {
  shared = sharedMemory();
  cwd = mkdtempSync(join(work, 'case-'));
});

const run = (args: readonly string[], more: CommandOptions = {}) => command(args, { ...shared, cwd, ...more });
const value = async (key: string) => {
  const entry = await shared.store.get(key);
  return entry && Buffer.from(entry.value).toString();
};

function files(contents: Readonly<Record<string, string>>, folder = 'app'): void {
  mkdirSync(join(cwd, folder), { recursive: true });
  for (const [path, content] of Object.entries(contents)) {
    mkdirSync(dirname(join(cwd, folder, path)), { recursive: true });
    writeFileSync(join(cwd, folder, path), content);
  }
}

describe('diff', () => {
  test('shows what apply would change, line by line, and exits with 1', async () => {
    await shared.store.put('/app/routes/home', '{"to":"http://a","weight":1}');
    await shared.store.put('/app/same', '{"b": 1, "a": 2}');
    await shared.store.put('/app/extra', 'x');
    files({ 'routes/home.yaml': 'to: http://b\nweight: 1\n', 'same.yaml': 'a: 2\nb: 1\n', 'new.txt': 'hello' });
    const { code, out, err } = await run(['diff', 'app', '--prefix', '/app/']);
    expect(code).toBe(1);
    expect(out).toBe(
      '+ /app/new\n    + hello\n' +
        '~ /app/routes/home (revision 2)\n      {\n    -   "to": "http://a",\n    +   "to": "http://b",\n        "weight": 1\n      }\n',
    );
    expect(err).toContain('1 key below the prefix has no file: --prune would delete it.');
    expect(err).toContain('memory: differs: 2 keys (1 created, 1 updated) would be changed.');

    const pruned = await run(['diff', 'app', '--prefix', '/app/', '--prune', '--json']);
    expect(pruned.code).toBe(1);
    expect(jsonLines(pruned.out)).toMatchObject([
      {
        store: 'memory:',
        created: 1,
        updated: 1,
        deleted: 1,
        unchanged: 1,
        changes: [
          { type: 'create', key: '/app/new', after: { value: 'hello' } },
          {
            type: 'update',
            key: '/app/routes/home',
            before: { modRevision: 2 },
            after: { value: '{"to":"http://b","weight":1}' },
          },
          { type: 'delete', key: '/app/extra', before: { value: 'x' } },
        ],
      },
    ]);
    const coloured = await run(['diff', 'app', '--prefix', '/app/'], { terminal: 40 });
    expect(coloured.out).toContain('\u001b[32m    + hello\u001b[39m');
  });

  test.each([
    ['Hello', 'Hello\n', '    - Hello\n      \\ no line break at the end\n    + Hello\n'],
    ['a\nb\n', 'a\nb', '      a\n    - b\n    + b\n      \\ no line break at the end\n'],
    ['a\nb', 'c\nb', '    - a\n    + c\n      b\n'],
    ['Hello', 'Hello ', '    - Hello\n    + Hello \n'],
    ['Hello', 'Hello\r\n', '    - Hello\n      \\ no line break at the end\n    + Hello\\r\n'],
    ['', 'Hello', '    + Hello\n'],
  ])('shows what differs in %j and %j, also if it is only the end', async (before, after, shown) => {
    await shared.store.put('/app/text', before);
    files({ 'text.txt': after });
    const { out } = await run(['diff', 'app', '--prefix', '/app/']);
    expect(out).toBe(`~ /app/text (revision 2)\n${shown}`);
  });

  test('does not say that --prune would delete what it leaves alone', async () => {
    await shared.store.put('/app/node', 'up', { ttl: 600 });
    files({ 'text.txt': 'Hello' });
    expect((await run(['diff', 'app', '--prefix', '/app/'])).err).not.toContain('--prune');
    await shared.store.put('/app/extra', 'x');
    expect((await run(['diff', 'app', '--prefix', '/app/'])).err).toContain('1 key below the prefix has no file');
    const pruned = await run(['diff', 'app', '--prefix', '/app/', '--prune']);
    expect(pruned.err).toContain('2 keys (1 created, 1 deleted) would be changed');
  });

  test('exits with 0 where nothing differs, and with 1 where a value would be bad', async () => {
    files({ 'a.json': '{"port": 80}' });
    await shared.store.put('/app/a', '{"port":80}');
    expect((await run(['diff', 'app', '--prefix', '/app/'])).code).toBe(0);
    writeFileSync(join(cwd, 'schema.json'), '{"properties":{"port":{"maximum":10}}}');
    const bad = await run(['diff', 'app', '--prefix', '/app/', '--schema', '/app/=schema.json']);
    expect(bad.code).toBe(1);
    expect(bad.err).toContain('/app/a: fails its schema: port: must be <= 10');
    const refused = await run(['apply', 'app', '--prefix', '/app/', '--schema', '/app/=schema.json', '--yes']);
    expect(refused.code).toBe(2);
    const validated = await run(['validate', '/app/', '--folder', 'app', '--schema', '/app/=schema.json']);
    expect(validated).toMatchObject({ code: 1, out: '/app/a\tfails its schema: port: must be <= 10\n' });
  });
});

describe('apply', () => {
  test('writes what it has shown, deletes nothing by itself, and leaves leased keys out', async () => {
    await shared.store.put('/app/lock', 'held', { ttl: 600 });
    await shared.store.put('/app/extra', 'x');
    await shared.store.put('/app/member', 'up', { ttl: 600 });
    files({ 'routes/home.yaml': 'to: http://b\n', 'lock.txt': 'mine' });
    const dry = await run(['apply', 'app', '--prefix', '/app/', '--dry-run']);
    expect(dry).toMatchObject({ code: 0, out: '+ /app/routes/home\n    + {\n    +   "to": "http://b"\n    + }\n' });
    const silent = await run(['apply', 'app', '--prefix', '/app/']);
    expect(silent.code).toBe(2);
    expect(silent.err).toContain('--yes');
    const { code, out, err } = await run(['apply', 'app', '--prefix', '/app/', '--yes']);
    expect({ code, out }).toEqual({ code: 0, out: 'Changed 1 key (1 created) in memory: at revision 5.\n' });
    expect(err).toContain('/app/lock: it is attached to lease');
    expect(await value('/app/routes/home')).toBe('{"to":"http://b"}');
    expect(await value('/app/extra')).toBe('x');

    const pruned = await run(['apply', 'app', '--prefix', '/app/', '--prune', '--yes']);
    expect(pruned.code).toBe(0);
    expect(await value('/app/extra')).toBeUndefined();
    expect(await value('/app/member')).toBe('up');
    expect(await value('/app/lock')).toBe('held');
    expect((await run(['apply', 'app', '--prefix', '/app/', '--yes'])).out).toContain('There is nothing to change');
  });

  test('is guarded by what was shown: exit code 5', async () => {
    files({ 'a.txt': 'mine' });
    await shared.store.put('/app/a', 'old');
    const asked = startCommand(['apply', 'app', '--prefix', '/app/'], { ...shared, cwd, terminal: 80 });
    await asked.shows('Change it? [y/N]');
    expect(asked.err).toContain('    - old');
    await shared.store.put('/app/a', 'by another');
    asked.type('y\n');
    expect(await asked.code).toBe(5);
    expect(await value('/app/a')).toBe('by another');
    const interrupted = startCommand(['apply', 'app', '--prefix', '/app/'], { ...shared, cwd, terminal: 80 });
    await interrupted.shows('Change it? [y/N]');
    interrupted.signal('SIGINT');
    expect(await interrupted.code).toBe(130);
  });

  test('without a prefix, the files are the keys', async () => {
    files({ '%2Fa/b.txt': '1', 'c.bin': '' });
    expect((await run(['apply', 'app', '--yes'])).code).toBe(0);
    expect((await shared.store.list({ prefix: '' })).items.map(({ key }) => key)).toEqual(['/a/b', 'c']);
  });

  test('a signal between two batches ends it: what was done is told', async () => {
    shared = sharedMemory(memoryStore({ maxTxnOperations: 1 }));
    files(Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`k${index + 10}.txt`, 'x'])));
    const running = startCommand(['apply', 'app', '--yes'], { ...shared, cwd });
    const watch = shared.store.watch({ prefix: '' });
    for await (const { events } of watch) {
      if (events.length === 0) continue;
      running.signal('SIGTERM');
      break;
    }
    expect(await running.code).toBe(143);
    const { count } = await shared.store.list({ prefix: '' });
    expect(count).toBeLessThan(30);
    expect(running.err).toMatch(/\d+ of 30 changes were made/);
  });
});

describe('a plan', () => {
  const plan = ['diff', 'app', '--prefix', '/app/', '--prune', '--out', 'app.plan'];

  test('is applied exactly, and is for its owner alone', async () => {
    files({ 'a.txt': 'new', 'b.bin': Buffer.from([0xff]).toString('latin1') });
    await shared.store.put('/app/a', 'old');
    await shared.store.put('/app/gone', '1');
    expect((await run(plan)).code).toBe(1);
    expect(statSync(join(cwd, 'app.plan')).mode & 0o777).toBe(0o600);
    // The folder does not count any more.
    files({ 'a.txt': 'newer', 'other.txt': 'x' });
    const { code, err, out } = await run(['apply', '--plan', 'app.plan', '--yes']);
    expect({ code, out }).toEqual({
      code: 0,
      out: 'Changed 3 keys (1 created, 1 updated, 1 deleted) in memory: at revision 4.\n',
    });
    expect(err).toContain('    - old');
    expect(await value('/app/a')).toBe('new');
    expect(await value('/app/gone')).toBeUndefined();
    expect(await value('/app/other')).toBeUndefined();
    expect((await run(['apply', '--plan', 'app.plan', '--yes'])).code).toBe(5);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['a key was changed', () => shared.store.put('/app/a', 'old')],
    ['a key was made', () => shared.store.put('/app/b', '')],
    ['a key was deleted', () => shared.store.delete('/app/gone')],
    ['the store is another one', () => Promise.resolve((shared = sharedMemory()))],
  ])('is not applied at all where %s since', async (_, meanwhile) => {
    files({ 'a.txt': 'new', 'b.txt': 'x' });
    await shared.store.put('/app/a', 'old');
    await shared.store.put('/app/gone', '1');
    await run(plan);
    await meanwhile();
    const before = (await shared.store.list({ prefix: '' })).bookmark;
    const { code, err } = await run(['apply', '--plan', 'app.plan', '--yes']);
    expect(code).toBe(5);
    expect(err).toContain('nothing was changed');
    expect((await shared.store.list({ prefix: '' })).bookmark).toEqual(before);
  });

  test.each([
    ['{"format":"holdfast-plan","version":2}', 'version 2'],
    ['{"format":"holdfast-plan","version":1,"identity":"x","changes":[{}]}', 'by hand'],
    ['[]', 'no plan'],
    ['{', "can't be used"],
  ])('%s is refused', async (text, message) => {
    writeFileSync(join(cwd, 'app.plan'), text);
    const { code, err } = await run(['apply', '--plan', 'app.plan', '--yes']);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });
});

describe('misused', () => {
  test.each([
    [['apply', '--yes'], 'nothing to apply'],
    [['apply', 'app', '--plan', 'p', '--yes'], 'a plan too'],
    [['apply', '--plan', 'p', '--prune'], 'Leave out'],
    [['apply', 'app', '--prune', '--yes'], '--prefix'],
    [['apply', 'app', '--prune', '--prefix', '', '--yes'], '--all'],
    [['apply', 'empty', '--prune', '--prefix', '/app/', '--yes'], '--allow-empty'],
    [['apply', 'nowhere', '--yes'], "can't be used"],
    [['diff', 'nowhere'], "can't be used"],
    [['diff', 'app', '--out', 'nowhere/plan'], "can't be written"],
    [['apply', 'twice', '--yes'], 'keep one of them'],
    [['apply', 'torn', '--yes'], 'a.json'],
    [['export', '/app/', '--folder', 'app'], 'is not empty'],
  ])('%j is refused, and nothing is changed', async (args, message) => {
    await shared.store.put('/app/a', '1');
    files({ 'a.txt': '2' });
    files({}, 'empty');
    files({ 'a.txt': '1', 'a.json': '1' }, 'twice');
    files({ 'a.json': '{"a":', 'b.txt': '1' }, 'torn');
    const { code, err } = await run(args);
    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(await value('/app/a')).toBe('1');
    expect((await shared.store.list({ prefix: '' })).count).toBe(1);
  });

  test('an empty folder prunes where that is said', async () => {
    await shared.store.put('/app/a', '1');
    files({});
    const { code } = await run(['apply', 'app', '--prune', '--prefix', '/app/', '--allow-empty', '--yes']);
    expect(code).toBe(0);
    expect(await value('/app/a')).toBeUndefined();
  });
});

test('an exported folder gives everything back, on etcd too; leased keys have no file', async () => {
  await using etcd = await startEtcd({ version: '3.6' });
  const env = { HOLDFAST_STORE: etcd.endpoints[0]!.replace('http:', 'etcd-v3:') };
  const values: [string, Buffer][] = [
    ['routes/home', Buffer.from('{"to":"http://a","big":12345678901234567890}')],
    ['routes/home/nested', Buffer.from('{ "spaces" : 1 }\n')],
    ['Routes/Home', Buffer.from('other case')],
    ['.hidden/../%2F', Buffer.from('odd name')],
    ['plain/name', Buffer.from('{"to":"http://a"}')],
    ['empty', Buffer.alloc(0)],
    ['bytes', Buffer.from([0, 0xff])],
    ['no-end', Buffer.from('no: |')],
  ];
  for (const [key, content] of values) await etcd.put(`/app/${key}`, content);
  await command(['put', '/app/lock', 'held', '--ttl', '600'], { env });
  await etcd.put(Buffer.from([0x2f, 0x61, 0x70, 0x70, 0x2f, 0xff]), 'x');
  const exported = await command(['export', '/app/', '--folder', 'out'], { env, cwd });
  expect(exported.code).toBe(0);
  expect(exported.out).toMatch(/^Wrote 8 files into out: etcd-v3:/);
  expect(exported.err).toContain('/app/lock: it is attached to lease');
  expect(exported.err).toContain('0x2f6170702fff: it is not UTF-8');
  expect(readFileSync(join(cwd, 'out', 'plain', 'name.yaml'), 'utf8')).toBe('to: http://a\n');
  expect(readdirSync(cwd)).toEqual(['out']);

  expect((await command(['diff', 'out', '--prefix', '/app/', '--prune'], { env, cwd })).code).toBe(0);
  for (const args of [
    ['apply', 'out', '--prefix', '/app/'],
    ['import', 'out', '--prefix', '/app/'],
  ]) {
    shared = sharedMemory();
    expect((await run([...args, '--yes'])).code).toBe(0);
    for (const [key, content] of values)
      expect(Buffer.from((await shared.store.get(`/app/${key}`))!.value)).toEqual(content);
  }
  const applied = await command(['apply', 'out', '--prefix', '/app2/', '--yes'], { env, cwd });
  expect(applied.code).toBe(0);
  const plan = ['diff', 'out', '--prefix', '/app2/', '--prune', '--out', 'p'];
  await etcd.put('/app2/empty', 'x');
  expect((await command(plan, { env, cwd })).code).toBe(1);
  expect((await command(['apply', '--plan', 'p', '--yes'], { env, cwd })).code).toBe(0);
  expect((await command(plan, { env, cwd })).code).toBe(0);
});
