import { clauseOf, clauses, conformanceCases, mutants, type ClauseId, type ConformanceCase } from '@holdfast/testkit';

/** The tables of `docs/conformance.md`, from the suite itself. */
export function conformanceTables(): string {
  return (Object.keys(clauses) as ClauseId[]).map(tableOf).join('\n');
}

function tableOf(clause: ClauseId): string {
  const own = conformanceCases.filter(({ id }) => id.startsWith(`${clause}.`));
  const others = conformanceCases.filter(
    ({ id, clauses: held }) => !id.startsWith(`${clause}.`) && held.includes(clause),
  );
  return [
    `### ${clause} ${clauses[clause]}`,
    '',
    '| case | guarantee | broken stores that it catches |',
    '|---|---|---|',
    ...own.map((each) => `| \`${each.id}\` | ${cell(each.title)} | ${caughtBy(each)} |`),
    '',
    ...(others.length === 0 ? [] : [`Also held by ${others.map(({ id }) => `\`${id}\``).join(', ')}.`, '']),
    '| broken store | what it does wrong |',
    '|---|---|',
    ...mutants.filter((each) => clauseOf(each) === clause).map(({ id, title }) => `| \`${id}\` | ${cell(title)} |`),
    '',
  ].join('\n');
}

function caughtBy({ id }: ConformanceCase): string {
  return mutants
    .filter((mutant) => mutant.caughtBy.includes(id))
    .map((mutant) => `\`${mutant.id}\``)
    .join(', ');
}

/** A title in a cell of a table, with a link to the trap that it names. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/\btrap (\d+)\b/g, '[trap $1](traps.md#trap-$1)');
}
