import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { mutants, occurrences, type Mutation, type PromiseId } from '../src/index.js';

const root = join(__dirname, '..', '..', '..');
const all = Object.values(mutants).flat();

describe('the list of mutants', () => {
  test('has one for every trap that docs/traps.md names tests for, and for every promise of the mirror', () => {
    const sections = readFileSync(join(root, 'docs', 'traps.md'), 'utf8')
      .split(/^## Trap /m)
      .slice(1);
    const held = sections.filter((section) => section.includes('\n- Tests:\n'));
    expect(held.length).toBeGreaterThan(18);
    const traps = new Set(all.flatMap(({ trap }) => trap ?? []));
    expect([...traps].sort((a, b) => a - b)).toEqual(held.map((section) => Number.parseInt(section, 10)));
    const promises = new Set<PromiseId | undefined>(all.map(({ promise }) => promise));
    const missing = Array.from({ length: 12 }, (_, index) => `M${index + 1}` as PromiseId).filter(
      (each) => !promises.has(each),
    );
    expect(missing).toEqual([]);
  });

  test('has each name once, and only tests that there are', () => {
    const names = all.map(({ name }) => name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    expect(all.filter(({ caughtBy }) => !existsSync(join(root, caughtBy.test)))).toEqual([]);
  });

  test('fits the sources: where one of these is named, adapt its `find` and `replace` to how the source is now', () => {
    // What makes every run of a mutant impatient changes a source, too.
    const haste = JSON.parse(readFileSync(join(root, 'checks', 'mutation', 'jest', 'haste.json'), 'utf8')) as Mutation;
    const misfits = [...all, { ...haste, name: 'haste.json' }].flatMap((mutant) => {
      const path = join(root, mutant.file);
      const times = existsSync(path) ? occurrences(readFileSync(path, 'utf8'), mutant) : 0;
      return times === 1 ? [] : [`${mutant.name}: its text occurs ${times} times in ${mutant.file}`];
    });
    expect(misfits).toEqual([]);
  });
});
