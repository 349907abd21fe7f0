import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { mutants, mutantTables } from '../src/index.js';

const begin = '<!-- generated from the list: HOLDFAST_UPDATE_DOCS=1 npx jest mutants-page -->\n';

test('docs/mutants.md lists the mutants that there are', () => {
  const path = join(__dirname, '..', '..', '..', 'docs', 'mutants.md');
  const page = readFileSync(path, 'utf8');
  expect(page).toContain(begin);
  const current = `${page.slice(0, page.indexOf(begin) + begin.length)}\n${mutantTables(mutants)}`;
  if (process.env['HOLDFAST_UPDATE_DOCS'] === '1') writeFileSync(path, current);
  expect(readFileSync(path, 'utf8')).toBe(current);
});
