import type { Mutant } from './mutant.js';
import type { MutationRun } from './results.js';

/** The sentence of `docs/mutants.md` about the last run of all mutants. */
export function runSummary(run: MutationRun): string {
  const caught = run.mutants.filter(({ verdict }) => verdict === 'caught').length;
  const { passed, failed } = run.brokenStores;
  return [
    `The last run of all mutants, on ${run.at.slice(0, 10)} at commit ${run.commit.slice(0, 10)}: ${caught} of ${run.mutants.length} were caught.`,
    `The broken stores of the conformance suite, each with every case: ${passed} of ${passed + failed.length} tests passed.`,
  ].join('\n');
}

/** The tables of `docs/mutants.md`. */
export function mutantTables(mutants: Readonly<Record<string, readonly Mutant[]>>): string {
  return Object.entries(mutants)
    .map(([title, each]) =>
      [
        `## Mutants of ${title}`,
        '',
        '| mutant | of | the bug | caught by |',
        '|---|---|---|---|',
        ...each.map(rowOf),
        '',
      ].join('\n'),
    )
    .join('\n');
}

function rowOf({ name, trap, promise, why, file, caughtBy }: Mutant): string {
  const of = [trap === undefined ? [] : [`trap ${trap}`], promise ?? []].flat().join(', ');
  const source = `[${baseName(file)}](../${file})`;
  const test = `[${baseName(caughtBy.test)}](../${caughtBy.test})`;
  return `| \`${name}\` | ${of} | ${cell(why)} (${source}) | ${test}: \`${cell(caughtBy.name).replaceAll('`', '.')}\` |`;
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
