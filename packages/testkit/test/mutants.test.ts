import { describe, expect, test } from '@jest/globals';
import { clauseOf, clauses, conformanceCases, mutants, type ClauseId } from '@holdfast/testkit';
import { describeBrokenStores, failuresOn, healthyCases } from './support/broken-stores.js';

describe('the broken stores', () => {
  test('break every clause of the contract', () => {
    const broken = new Set(mutants.map(clauseOf));
    expect((Object.keys(clauses) as ClauseId[]).filter((clause) => !broken.has(clause))).toEqual([]);
  });

  test('are caught by cases that name their clause, and by no unrelated ones', () => {
    const clausesOf = new Map(conformanceCases.map(({ id, clauses: held }) => [id as string, held]));
    const strangers = mutants.flatMap((mutant) =>
      mutant.caughtBy
        .filter((id) => !clausesOf.get(id)?.includes(clauseOf(mutant)))
        .map((id) => `${mutant.id} by ${id}`),
    );
    expect(strangers).toEqual([]);
  });

  test('have ids of their own', () => {
    expect(new Set(mutants.map(({ id }) => id)).size).toBe(mutants.length);
  });

  test('are not caught where nothing is broken', async () => {
    expect(await failuresOn(healthyCases)).toEqual([]);
  });
});

// Those of watches, errors and the rest are in mutants-of-watches.test.ts: two files run side by side.
describeBrokenStores(mutants.filter((mutant) => clauseNumber(mutant.id) <= 9));

function clauseNumber(id: string): number {
  return Number(/^C(\d+)\./.exec(id)?.[1]);
}
