import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readConfigFile } from '../src/quickstart/config-file.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-config-file-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function file(content: string | Uint8Array): string {
  const path = join(folder, 'config.jsonl');
  writeFileSync(path, content);
  return path;
}

async function refusal(content: string | Uint8Array): Promise<string> {
  return readConfigFile(file(content)).then(
    () => 'accepted',
    (error: Error) => error.message,
  );
}

test('texts are stored as they are, everything else as JSON', async () => {
  const lines = ['{"key":"/a","value":"text"}', '', '{"key":"/b","value":{"n":1}}\r', '{"key":"/ü","value":null}', ''];
  expect(await readConfigFile(file(lines.join('\n')))).toEqual({
    entries: [
      { key: '/a', value: 'text' },
      { key: '/b', value: '{"n":1}' },
      { key: '/ü', value: 'null' },
    ],
    overwritten: 0,
  });
});

test('a key that comes twice is kept in order, and counted', async () => {
  const { entries, overwritten } = await readConfigFile(file('{"key":"/a","value":1}\n{"key":"/a","value":2}\n'));
  expect(entries.map(({ value }) => value)).toEqual(['1', '2']);
  expect(overwritten).toBe(1);
});

test.each([
  ['{"key":"/a","value":1}\n{"key":"/b", value:2}', 'line 2: not JSON'],
  ['[]', 'line 1: not a JSON object'],
  ['{"key":"","value":1}', 'line 1: "key" is empty'],
  ['{"key":7,"value":1}', 'line 1: "key" is missing, or not a string'],
  ['{"key":"/a"}', 'line 1: "value" of "/a" is missing'],
  ['{"key":"\\ud800","value":1}', 'half a surrogate pair'],
  ['{"key":"/a","value":"\\ud800"}', 'half a surrogate pair'],
  ['\n\n', 'has no entries'],
])('%j is refused with its line: %s', async (content, message) => {
  expect(await refusal(content)).toContain(message);
});

test('all bad lines are named, the first of them in full, and nothing of the file is taken', async () => {
  const lines = Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? '{"key":"/ok","value":1}' : 'bad'));
  const message = await refusal([...lines, 'bad', 'bad'].join('\n'));
  expect(message).toContain('7 lines that cannot be used, so nothing was written');
  expect(message).toContain('line 2:');
  expect(message).toContain('line 10:');
  expect(message).toContain('… and 2 more');
});

test('bytes that are not UTF-8 are named by their line', async () => {
  const bytes = Buffer.concat([
    Buffer.from('{"key":"/a","value":1}\n{"key":"'),
    Buffer.from([0xff]),
    Buffer.from('"}'),
  ]);
  expect(await refusal(bytes)).toContain('line 2, is not UTF-8');
});

test('a file that is not there is named', async () => {
  await expect(readConfigFile(join(folder, 'missing.jsonl'))).rejects.toThrow(/Cannot read .*missing\.jsonl/);
});
