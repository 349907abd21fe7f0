import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { STORE_ERROR_CODES, StoreError } from '@holdfast/store';

const page = readFileSync(join(__dirname, '..', '..', '..', 'docs', 'errors.md'), 'utf8');

interface Row {
  readonly code: string;
  readonly retryable: boolean;
  readonly cause: string;
  readonly advice: string;
}

/** The rows of the table of codes. */
function rowsOf(markdown: string): Row[] {
  const table = markdown.slice(markdown.indexOf('## The codes'));
  return [...table.matchAll(/^\| `([a-z-]+)` \| (yes|no) \| (.+) \| (.+) \|$/gm)].map(
    ([, code = '', retryable, cause = '', advice = '']) => ({ code, retryable: retryable === 'yes', cause, advice }),
  );
}

test('docs/errors.md explains every error code, in order, and no other', () => {
  const rows = rowsOf(page);
  expect(rows.map(({ code }) => code)).toEqual([...STORE_ERROR_CODES]);
  for (const { cause, advice } of rows) {
    expect(cause.length).toBeGreaterThan(20);
    expect(advice.length).toBeGreaterThan(20);
  }
});

test('docs/errors.md says which codes are retryable as the code does', () => {
  const said = rowsOf(page).map(({ code, retryable }) => [code, retryable]);
  const done = STORE_ERROR_CODES.map((code) => [code, new StoreError(code, '').retryable]);
  expect(said).toEqual(done);
});

test('a code left out of the page would be found', () => {
  const without = page.replace(/^\| `conflict`.*\n/m, '');
  expect(rowsOf(without).map(({ code }) => code)).not.toContain('conflict');
});
