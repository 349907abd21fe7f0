import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { eventually, startEtcd } from '@holdfast/testkit';
import { command, jsonLines, sharedMemory, startCommand, type CommandOptions } from '../support/command.js';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-edit-test-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

let shared: ReturnType<typeof sharedMemory>;
beforeEach(() => {
  shared = sharedMemory();
});

/** An editor that is a line of shell, in which "$1" is the file. The texts that are kept lie in the test's folder. */
function editing(script: string, more: CommandOptions = {}): CommandOptions {
  const file = join(folder, 'editor');
  writeFileSync(file, `${script}\n`);
  return {
    ...shared,
    ...more,
    cwd: folder,
    env: { ...shared.env, PATH: process.env['PATH'], TMPDIR: folder, EDITOR: `sh '${file}'`, ...more.env },
  };
}

const value = async (key: string) => Buffer.from((await shared.store.get(key))!.value).toString();
const left = () => readdirSync(folder).filter((name) => name.startsWith('holdfast-edit-'));
const keptText = (err: string) => readFileSync(/kept in (\S+)/.exec(err)![1]!, 'utf8');

test('what the editor leaves is written, guarded, and nothing stays behind', async () => {
  await shared.store.put('/e/text', 'port 80');
  const { code, out, err } = await command(['edit', '/e/text'], editing('sed -i s/80/8080/ "$1"; echo >> "$1"'));
  expect({ code, out, err }).toEqual({ code: 0, out: 'Wrote /e/text at revision 3.\n', err: '' });
  expect(await value('/e/text')).toBe('port 8080');
  expect(left()).toEqual([]);
  const json = await command(['edit', '/e/text', '--json'], editing('echo changed > "$1"'));
  expect(jsonLines(json.out)).toMatchObject([{ succeeded: true, revision: 4 }]);
});

test('JSON on one line is laid out, and goes back onto one line with all its digits', async () => {
  await shared.store.put('/e/json', '{"rps":1,"name":"a b"}');
  const script = 'cat "$1" >> shown; sed -i "s/1,/12345678901234567890,/" "$1"';
  expect((await command(['edit', '/e/json'], editing(script))).code).toBe(0);
  expect(readFileSync(join(folder, 'shown'), 'utf8')).toBe('{\n  "rps": 1,\n  "name": "a b"\n}\n');
  expect(await value('/e/json')).toBe('{"rps":12345678901234567890,"name":"a b"}');
});

test('a value that the layout would change is shown as it is', async () => {
  const odd = '{"a": 1.0, "a": 12345678901234567890}\n';
  await shared.store.put('/e/odd', odd);
  expect((await command(['edit', '/e/odd'], editing('sed -i s/1.0/2.0/ "$1"'))).code).toBe(0);
  expect(await value('/e/odd')).toBe(odd.replace('1.0', '2.0'));
});

test('nothing is written where nothing was changed', async () => {
  await shared.store.put('/e/a', '{"a":1}');
  for (const script of ['true', 'echo "{\\"a\\":  1}" > "$1"']) {
    expect(await command(['edit', '/e/a'], editing(script))).toMatchObject({ code: 0, out: 'Nothing was changed.\n' });
  }
  expect((await shared.store.get('/e/a'))!.version).toBe(1);
  expect(left()).toEqual([]);
});

test('a key that was changed meanwhile is left as it is, and the text is kept', async () => {
  await shared.store.put('/e/a', 'mine');
  const running = startCommand(
    ['edit', '/e/a'],
    editing('touch opened; until [ -e go ]; do sleep 0.01; done; echo edited > "$1"'),
  );
  await eventually(() => {
    if (!existsSync(join(folder, 'opened'))) throw new Error('the editor is not open yet');
  });
  rmSync(join(folder, 'opened'));
  await shared.store.put('/e/a', 'by another');
  writeFileSync(join(folder, 'go'), '');
  const code = await running.code;
  expect(code).toBe(5);
  expect(await value('/e/a')).toBe('by another');
  expect(keptText(running.err)).toBe('edited\n');
});

test('an editor that fails changes nothing: a changed text is kept, another one is not', async () => {
  await shared.store.put('/e/a', 'old');
  const unchanged = await command(['edit', '/e/a'], editing('exit 3'));
  expect(unchanged.code).toBe(4);
  expect(unchanged.err).toContain('ended with code 3, so nothing was changed');
  expect(unchanged.err).not.toContain('kept');
  const changed = await command(['edit', '/e/a'], editing('echo new > "$1"; exit 1'));
  expect(changed.code).toBe(4);
  expect(keptText(changed.err)).toBe('new\n');
  const missing = await command(['edit', '/e/a'], editing('', { env: { EDITOR: 'no-such-editor 2> /dev/null' } }));
  expect(missing.code).toBe(4);
  expect(await value('/e/a')).toBe('old');
});

describe('a bad value', () => {
  test('keeps its text, and exits with 2', async () => {
    await shared.store.put('/e/a', '{"a":1}');
    const { code, err } = await command(['edit', '/e/a'], editing('echo "{oops" > "$1"'));
    expect(code).toBe(2);
    expect(err).toContain('it is no JSON');
    expect(keptText(err)).toBe('{oops\n');
    expect(await value('/e/a')).toBe('{"a":1}');
  });

  test('opens the editor again where a terminal says so', async () => {
    await shared.store.put('/e/a', '{"a":1}');
    const script = 'if grep -q oops "$1"; then echo "{\\"a\\":2}" > "$1"; else echo "{oops" > "$1"; fi';
    const yes = startCommand(['edit', '/e/a'], editing(script, { terminal: 80 }));
    await yes.shows('Edit it again? [y/N]');
    yes.type('y\n');
    expect(await yes.code).toBe(0);
    expect(await value('/e/a')).toBe('{"a":2}');
    const no = startCommand(['edit', '/e/a'], editing(script, { terminal: 80 }));
    await no.shows('Edit it again? [y/N]');
    no.type('n\n');
    expect(await no.code).toBe(2);
    expect(keptText(no.err)).toBe('{oops\n');
    const interrupted = startCommand(['edit', '/e/a'], editing(script, { terminal: 80 }));
    await interrupted.shows('Edit it again? [y/N]');
    interrupted.signal('SIGINT');
    expect(await interrupted.code).toBe(130);
    expect(keptText(interrupted.err)).toBe('{oops\n');
  });

  test('is one that fails its schema or its configuration, too', async () => {
    await shared.store.put('/e/a', '{"port":80}');
    writeFileSync(
      join(folder, 'schema.json'),
      JSON.stringify({ properties: { port: { type: 'integer', maximum: 100 } } }),
    );
    const args = ['edit', '/e/a', '--schema', '/e/=schema.json'];
    const bad = await command(args, editing('sed -i s/80/8080/ "$1"'));
    expect(bad.code).toBe(2);
    expect(bad.err).toContain('/e/a: fails its schema: port: must be <= 100');
    expect((await command(args, editing('sed -i s/80/81/ "$1"'))).code).toBe(0);
  });
});

test('what can not be edited is said before the editor opens', async () => {
  await shared.store.put('/e/bytes', new Uint8Array([0xff]));
  const opened = editing('touch opened');
  expect((await command(['edit', '/e/bytes'], opened)).code).toBe(2);
  expect((await command(['edit', '/e/nothing'], opened)).code).toBe(1);
  expect((await command(['edit', '/e/bytes', '--schema', 'x'], opened)).code).toBe(2);
  const none = await command(['edit', '/e/bytes'], { ...shared });
  expect(none.code).toBe(2);
  expect(none.err).toContain('VISUAL or EDITOR');
  expect(existsSync(join(folder, 'opened'))).toBe(false);
});

test('a key is made with --create, and only if there is still none', async () => {
  expect((await command(['edit', '/e/new', '--create'], editing('true'))).out).toBe('Nothing was changed.\n');
  expect((await command(['edit', '/e/new', '--create'], editing('echo 1 > "$1"'))).code).toBe(0);
  expect(await value('/e/new')).toBe('1');
});

test('on etcd, the lease stays and so does VISUAL before EDITOR', async () => {
  await using etcd = await startEtcd({ version: '3.6' });
  const env = { HOLDFAST_STORE: etcd.endpoints[0]!.replace('http:', 'etcd-v3:') };
  await command(['put', '/e/a', 'old', '--ttl', '600'], { env });
  const options = editing('echo new > "$1"', {
    env: { ...env, VISUAL: `sh '${join(folder, 'editor')}'`, EDITOR: 'false' },
  });
  expect(await command(['edit', '/e/a'], options)).toMatchObject({ code: 0, err: '' });
  const [entry] = jsonLines((await command(['get', '/e/a', '--json'], { env })).out);
  expect(entry).toMatchObject({ value: 'new', version: 2, lease: expect.any(String) });
});
