import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { root } from './workspace.js';

/** Documents that readers don't have. */
const UNPUBLISHED = /\b(DESIGN|ETCD-FACTS|LAYOUT\.md|STYLE\.md|PERFORMANCE\.md)\b/;
/** A trap's number without its page. Titles of tests may have one: docs/traps.md names those tests. */
const BARE_TRAP = /(?<!#)\b[Tt]rap \d/;

/** Files that are committed or about to be. */
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => /\.(ts|mjs|js|md|json)$/.test(path) && !path.includes('/results/') && existsSync(join(root, path)))
  // These tests name missing pages and bare numbers on purpose.
  .filter((path) => !['.ci/test/references.test.ts', 'packages/cli/test/docs-links.test.ts'].includes(path));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** The lines of a text, as `path:line: text`, for which a predicate holds. */
function linesOf(path: string, text: string, holds: (line: string) => boolean): string[] {
  return text.split('\n').flatMap((line, index) => (holds(line) ? [`${path}:${index + 1}: ${line.trim()}`] : []));
}

const cites = (line: string) => UNPUBLISHED.test(line);
const isComment = (line: string) => /^\s*(\/\/|\/?\*)|\s\/\/\s/.test(line);
const isBareTrap = (line: string) => isComment(line) && BARE_TRAP.test(line);

/** The pages and anchors of docs/ that a text names and that don't exist. */
function missingPages(text: string): string[] {
  return [...text.matchAll(/\bdocs\/([a-z-]+\.md)(?:#([\w-]+))?/g)].flatMap(([whole, page = '', anchor]) => {
    const path = join('docs', page);
    if (!existsSync(join(root, path))) return [whole];
    return anchor === undefined || anchorsOf(read(path)).includes(anchor) ? [] : [whole];
  });
}

function anchorsOf(markdown: string): string[] {
  const headings = [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
  return [...headings, ...[...markdown.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id)];
}

describe('what the sources refer to', () => {
  const sources = files.filter((path) => /\.(ts|mjs|js)$/.test(path));

  test('is published', () => {
    expect(files.flatMap((path) => linesOf(path, read(path), cites))).toEqual([]);
  });

  test('can be looked up: comments name a section of docs/traps.md, not a bare number', () => {
    expect(sources.flatMap((path) => linesOf(path, read(path), isBareTrap))).toEqual([]);
  });

  test('is there: each page of docs/ that they name, and each section', () => {
    const missing = sources.map((path) => [path, missingPages(read(path))] as const);
    expect(missing.filter(([, pages]) => pages.length > 0)).toEqual([]);
  });

  test('would be found if it were not', () => {
    expect(cites('// as DESIGN says')).toBe(true);
    expect(isBareTrap('// It must not spin (trap 12).')).toBe(true);
    expect(isBareTrap('// It must not spin (docs/traps.md#trap-12).')).toBe(false);
    expect(missingPages('docs/nowhere.md, docs/traps.md#trap-99, docs/traps.md#trap-9')).toEqual([
      'docs/nowhere.md',
      'docs/traps.md#trap-99',
    ]);
  });
});
