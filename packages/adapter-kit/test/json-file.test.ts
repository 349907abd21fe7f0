import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { conformanceCases, runConformance, type ConformanceBackend, type ConformanceCase } from '@holdfast/testkit';
import { JsonFile, jsonFileStore } from '../example/json-file-store.js';

// The worked example of docs/writing-an-adapter.md, on a real file, which is replaced and taken away while it is read.

let folder = '';
let backend: ConformanceBackend;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-json-file-'));
  const path = join(folder, 'config.json');
  const values = new Map<string, string>();
  const save = () => {
    writeFileSync(`${path}.new`, JSON.stringify(Object.fromEntries(values)));
    renameSync(`${path}.new`, path);
  };
  save();
  const file = new JsonFile(path);
  backend = {
    patienceMs: 30_000,
    scanKeys: 50,
    backlogRevisions: 40,
    open: (options) => jsonFileStore(file, options),
    hooks: {
      writeOutside: (key, value) => {
        if (value === undefined) values.delete(key);
        else values.set(key, new TextDecoder().decode(value));
        save();
        return Promise.resolve();
      },
      disturb: {
        break: () => {
          renameSync(path, `${path}.away`);
        },
        heal: () => {
          renameSync(`${path}.away`, path);
        },
      },
    },
  };
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Cases that need hundreds of writes, or megabytes. The example passes them too. */
const SLOW =
  /^(C11\.|C4\.(large|list-gives)|C10\.(large|long|no-coalescing|every-write|progress-is-never)|C12\.overrun|C5\.|C2\.random)/;
const inNpmTest = ({ id }: ConformanceCase) => process.env['HOLDFAST_JSON_FILE'] === 'whole' || !SLOW.test(id);

test('the worked example passes every case for a store that can only be read', async () => {
  const reports = await runConformance(backend, conformanceCases.filter(inNpmTest));
  const failed = reports.flatMap(({ case: { id }, outcome }) =>
    outcome.status === 'failed' ? [[id, outcome.error.message]] : [],
  );
  expect(failed).toEqual([]);
  const passed = reports.flatMap(({ case: { id }, outcome }) => (outcome.status === 'passed' ? [id] : []));
  expect(passed).toEqual(
    expect.arrayContaining([
      'C4.breakdown-is-not-absence',
      'C10.watches-tell-outside-writes',
      'C12.breakdown-is-ridden-out',
      'C15.read-only-store-refuses-writes',
    ]),
  );
});

test('the page shows the example as it is', () => {
  const read = (...path: string[]) => readFileSync(join(__dirname, '..', ...path), 'utf8');
  const page = read('..', '..', 'docs', 'writing-an-adapter.md');
  expect(page).toContain(`\`\`\`ts no-run\n${read('example', 'json-file-store.ts')}\`\`\``);
});

test.each([
  ['{"a": {}}', /key "a" must hold a text, not {}/],
  ['{"a": 5}', /key "a" must hold a text, not 5/],
  ['{"": "x"}', /it has an empty key/],
  ['["x"]', /it must hold one object/],
  ['null', /it must hold one object/],
  ['{"\\ud800": "x"}', /is no Unicode/],
])('a file with %s is refused, and what was read before stays', async (text, message) => {
  const path = join(folder, 'wrong.json');
  writeFileSync(path, '{"a": "1"}');
  const store = jsonFileStore(new JsonFile(path));
  expect((await store.list({ prefix: '' })).count).toBe(1);
  writeFileSync(path, text);
  await expect(store.list({ prefix: '' })).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(message),
  });
  writeFileSync(path, '{"a": "1"}');
  expect((await store.get('a'))?.modRevision).toBe(2);
  await store.close();
});
