import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { root } from './workspace.js';

const page = readFileSync(join(root, 'docs', 'traps.md'), 'utf8');
const TRAPS = 24;
interface NamedTest {
  /** From the root of the repository. */
  readonly file: string;
  /** A part of the test's name, as the file has it. */
  readonly name: string;
}

/** The tests that the page names, by trap. */
function namedTests(markdown: string): Map<number, NamedTest[]> {
  const sections = markdown.split(/^## Trap /m).slice(1);
  return new Map(
    sections.map((section) => {
      const tests = [...section.matchAll(/^ {2}- \[.+?\]\(\.\.\/(.+?)\): (`+)(.+)\2$/gm)];
      return [Number.parseInt(section, 10), tests.map(([, file = '', , name = '']) => ({ file, name }))];
    }),
  );
}

/** The tests that don't exist. */
function missing(tests: readonly NamedTest[]): NamedTest[] {
  return tests.filter(({ file, name }) => {
    const path = join(root, file);
    return !existsSync(path) || !readFileSync(path, 'utf8').replaceAll("\\'", "'").includes(name);
  });
}

describe('docs/traps.md', () => {
  const byTrap = namedTests(page);

  test('has a section and a line of its overview for each trap, in order', () => {
    const numbers = Array.from({ length: TRAPS }, (_, index) => index + 1);
    expect([...byTrap.keys()]).toEqual(numbers);
    expect([...page.matchAll(/^\| \[(\d+)\]\(#trap-\1\) \|/gm)].map(([, number]) => Number(number))).toEqual(numbers);
  });

  test('names tests that there are', () => {
    expect(missing([...byTrap.values()].flat())).toEqual([]);
  });

  test('names a test for each trap', () => {
    const without = [...byTrap].filter(([, tests]) => tests.length === 0);
    expect(without).toEqual([]);
  });

  test('would be found out if it named a test that is not there', () => {
    const wrong = page.replace('trap 3: silence moves', 'trap 3: silence proves');
    expect(missing([...namedTests(wrong).values()].flat())).toHaveLength(1);
  });
});
