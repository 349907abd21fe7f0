// The table of docs/coordination.md: what locks of other clients get wrong, with a test and a mutant for each.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { coordination } from '../src/mutants/coordination.js';

const root = join(__dirname, '..', '..', '..');
const tests = join(root, 'packages', 'coordination', 'test');
const named = readdirSync(tests)
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => readFileSync(join(tests, name), 'utf8'))
  .join('\n');
const page = readFileSync(join(root, 'docs', 'coordination.md'), 'utf8');
const rows = page
  .slice(page.indexOf('| bug | test | mutant |'))
  .replace(/\n\n[^]*/, '')
  .split('\n')
  .flatMap((line) => {
    const [, bug, name, mutant] = /^\| (.+) \| (.+) \| `([a-z-]+)` \|$/.exec(line) ?? [];
    return bug === undefined ? [] : [{ bug, name, mutant }];
  });

test('each bug of other clients has a test and a mutant', () => {
  expect(rows.length).toBeGreaterThan(10);
  for (const { name, mutant } of rows) {
    expect(named).toContain(name);
    expect(coordination.map((each) => each.name)).toContain(mutant);
  }
});
