import { inspect } from 'node:util';
import type { Failure } from './campaign.js';

const LONGEST = 4_000;

/** A difference as text: what was done, as a program, and what each of the two said. */
export function explain(
  server: string,
  { seed, difference, lines }: Pick<Failure, 'seed' | 'difference' | 'lines'>,
): string {
  return [
    `seed ${seed}, step ${difference.at}: ${difference.what}`,
    ...lines.map((line) => `  ${line}`),
    `${server}: ${shownAnswer(difference.server)}`,
    `memory: ${shownAnswer(difference.memory)}`,
  ].join('\n');
}

function shownAnswer(answer: unknown): string {
  return inspect(answer, { depth: 10, breakLength: 140 }).slice(0, LONGEST);
}
