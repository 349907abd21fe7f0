import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Result } from './run.js';

/** What the mirrors of one commit came to, in all scenarios that were run. */
export interface Results {
  /** `present`, or the commit of another checkout. */
  readonly core: string;
  readonly commit: string;
  readonly at: string;
  /** When the costs were measured. */
  readonly costs: string;
  readonly results: readonly Result[];
}

export function fileOf(root: string, core: string): string {
  return join(root, 'results', `${core}.json`);
}

export function readResults(file: string): Results | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Results) : undefined;
}

/** Adds results to those in a file, in place of earlier ones of the same scenarios, fleets and sites. */
export function addResults(file: string, added: Results): void {
  const name = ({ scenario, mirrors, keys, site, seed }: Result): string =>
    [site, scenario, mirrors, keys, seed].join(' ');
  const names = added.results.map(name);
  const kept = readResults(file)?.results.filter((result) => !names.includes(name(result))) ?? [];
  mkdirSync(dirname(file), { recursive: true });
  const results = [...kept, ...added.results].sort((a, b) => (name(a) < name(b) ? -1 : 1));
  writeFileSync(file, `${JSON.stringify({ ...added, results }, undefined, 1)}\n`);
}
