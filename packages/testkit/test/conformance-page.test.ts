import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { clauses, conformanceCases } from '@holdfast/testkit';
import { conformanceTables } from './support/conformance-page.js';

const docs = join(__dirname, '..', '..', '..', 'docs');
const begin = '<!-- generated from the suite: HOLDFAST_UPDATE_DOCS=1 npx jest conformance-page -->\n';

test('docs/conformance.md lists the cases and broken stores that there are', () => {
  const path = join(docs, 'conformance.md');
  const page = readFileSync(path, 'utf8');
  expect(page).toContain(begin);
  const current = page.slice(0, page.indexOf(begin) + begin.length) + conformanceTables();
  if (process.env['HOLDFAST_UPDATE_DOCS'] === '1') writeFileSync(path, current);
  expect(readFileSync(path, 'utf8')).toBe(current);
});

test('docs/contract.md has every clause, under the name that the suite has for it', () => {
  const page = readFileSync(join(docs, 'contract.md'), 'utf8');
  const headings = [...page.matchAll(/^## (C\d+ .+)$/gm)].map(([, heading]) => heading);
  expect(headings).toEqual(Object.entries(clauses).map(([id, name]) => `${id} ${name}`));
});

test('case ids are unique, and begin with the main clause', () => {
  const ids = conformanceCases.map(({ id }) => id);
  expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  expect(conformanceCases.filter(({ id, clauses: [main] }) => !id.startsWith(`${main}.`))).toEqual([]);
});

test('every clause has cases', () => {
  const held = new Set<string>(conformanceCases.flatMap(({ clauses: each }) => each));
  expect(Object.keys(clauses).filter((clause) => !held.has(clause))).toEqual([]);
});
