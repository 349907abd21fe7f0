import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { EXIT } from '../../src/exit/exit-code.js';
import { commandSections } from '../support/command-page.js';
import { root } from '../support/markdown-sample.js';

const begin = '<!-- generated from the commands: HOLDFAST_UPDATE_DOCS=1 npx jest cli-page -->\n';
const path = join(root, 'docs', 'cli.md');

test('docs/cli.md has the help of each command, as the command prints it', () => {
  const page = readFileSync(path, 'utf8');
  expect(page).toContain(begin);
  const current = `${page.slice(0, page.indexOf(begin) + begin.length)}\n${commandSections()}`;
  if (process.env['HOLDFAST_UPDATE_DOCS'] === '1') writeFileSync(path, current);
  expect(readFileSync(path, 'utf8')).toBe(current);
});

test('docs/cli.md lists every exit code, and no other', () => {
  const listed = [...readFileSync(path, 'utf8').matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
  expect(listed).toEqual(Object.values(EXIT));
});
