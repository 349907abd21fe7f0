import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { json, mirror } from '@holdfast/core';
import { fileSnapshot } from '@holdfast/core/file-snapshot';
import { memoryStore } from '@holdfast/memory';
import { command, jsonLines, sharedMemory } from '../support/command.js';

const cwd = mkdtempSync(join(tmpdir(), 'holdfast-snapshot-'));
afterAll(() => {
  rmSync(cwd, { recursive: true });
});

beforeAll(async () => {
  const store = memoryStore();
  const snapshot = (name: string) => fileSnapshot(join(cwd, name));
  await store.put('/app/a', '{"rps":1}');
  await store.put('/app/big', '{"n":12345678901234567890}');
  const options = { prefix: '/app/', codec: json() };
  await (await mirror(store, { ...options, snapshot: snapshot('good') })).close();
  const config = await mirror(store, { ...options, snapshot: snapshot('bad') });
  const { revision } = await store.put('/app/a', '{oops');
  await config.waitFor(revision);
  await config.close();
  await store.close();
});

test('a good snapshot: exit code 0, and what it is of', async () => {
  const { code, out, err } = await command(['check', '--snapshot', 'good'], { cwd });
  expect({ code, err }).toEqual({ code: 0, err: 'Found no problem in good.\n' });
  expect(out).toMatch(/^ok\tsnapshot\t"\/app\/" of .*revision 3; format/);
  expect(out).toMatch(/ok\tage\tcomplete as of .* s ago\n/);
  expect(out).toContain('ok\tcontent\t2 keys\n');
});

test('what is wrong is found: bad values, a torn file, others who may read it, a copy that was kept', async () => {
  const bad = await command(['check', '--snapshot', 'bad', '--json'], { cwd });
  expect(bad.code).toBe(1);
  expect(jsonLines(bad.out)).toMatchObject([
    {
      found: 1,
      checks: expect.arrayContaining([
        expect.objectContaining({
          check: 'value',
          level: 'problem',
          next: 'Mend it in the store: holdfast edit /app/a',
        }),
      ]),
    },
  ]);
  const bytes = readFileSync(join(cwd, 'good'));
  writeFileSync(join(cwd, 'torn'), bytes.subarray(0, bytes.length / 2), { mode: 0o600 });
  const torn = await command(['check', '--snapshot', 'torn'], { cwd });
  expect(torn.code).toBe(1);
  expect(torn.out).toContain('problem\tsnapshot\tmirrors refuse it: ');
  writeFileSync(join(cwd, 'shared'), bytes);
  chmodSync(join(cwd, 'shared'), 0o644);
  writeFileSync(join(cwd, 'shared.kept-1'), bytes);
  writeFileSync(join(cwd, 'shared.kept-1.0a.log'), 'a log');
  const shared = await command(['check', '--snapshot', 'shared'], { cwd });
  expect(shared.code).toBe(1);
  expect(shared.out).toContain('chmod 600');
  expect(shared.out.match(/shared\.kept-1/g)).toHaveLength(1);
});

test('the log of a snapshot is no bad snapshot, which somebody might remove', async () => {
  const log = readdirSync(cwd).find((name) => /^good\..*\.log$/.test(name))!;
  for (const args of [
    ['check', '--snapshot', log],
    ['export', '--from-snapshot', log],
  ]) {
    const { code, err } = await command(args, { cwd });
    expect(code).toBe(2);
    expect(err).toContain(`is the log of a snapshot, and belongs to it.\nName the snapshot: ${join(cwd, 'good')}`);
  }
});

test('its entries are exported, and imported: a bad value is the last good one, and listed', async () => {
  const { code, out, err } = await command(['export', '--from-snapshot', 'bad'], { cwd });
  expect(code).toBe(0);
  expect(err).toContain('/app/a: not readable as json');
  expect(err).toContain('written is the last good value');
  const shared = sharedMemory();
  expect((await command(['import', '-', '--yes'], { ...shared, input: out })).code).toBe(0);
  expect((await command(['get', '/app/a'], shared)).out).toBe('{"rps":1}');
  expect((await command(['get', '/app/big'], shared)).out).toBe('{"n":12345678901234567890}');
  const folder = await command(['export', '--from-snapshot', 'good', '--folder', 'out'], { cwd });
  expect(folder.out).toContain('Wrote 2 files into out: good at revision 3.');
  expect((await command(['diff', 'out', '--prefix', '/app/', '--prune'], { ...shared, cwd })).code).toBe(0);
});

test.each([
  [['check', '--snapshot', 'nowhere']],
  [['check', '/app/', '--snapshot', 'good']],
  [['export', '--from-snapshot', 'nowhere']],
  [['export', '--from-snapshot', 'good', '--revision', '2']],
  [['export', '--from-snapshot', 'none']],
])('%j is refused', async (args) => {
  writeFileSync(join(cwd, 'none'), 'no snapshot');
  expect((await command(args, { cwd })).code).toBe(2);
});

test('a folder is no snapshot: nobody is told to move it away, or to take its permissions', async () => {
  for (const args of [
    ['check', '--snapshot', '.'],
    ['export', '--from-snapshot', '.'],
  ]) {
    expect(await command(args, { cwd })).toEqual({
      code: 2,
      out: '',
      bytes: Buffer.alloc(0),
      err: expect.stringMatching(/^holdfast: ".*" is not a file\.\nName the file/),
    });
  }
});
