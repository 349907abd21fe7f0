import { mutants } from './mutants/index.js';
import { runMutant } from './run-mutant.js';
import type { Verdict } from './verdict.js';

// `npm run mutants`: all mutants, or those whose name contains one of the arguments, one line each.
const root = process.cwd();
const args = process.argv.slice(2);
const unmutated = args.includes('--unmutated');
const wanted = args.filter((arg) => !arg.startsWith('--'));

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function describe(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'caught':
      return `caught: ${verdict.by}`;
    case 'survived':
      return unmutated ? 'ok' : 'SURVIVED';
    case 'broken':
      return `BROKEN: ${verdict.reason}`;
    default:
      return verdict satisfies never;
  }
}

async function main(): Promise<number> {
  const all = Object.values(mutants).flat();
  const chosen = all.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
  let bad = 0;
  let total = 0;
  for (const mutant of chosen) {
    const { verdict, seconds } = await runMutant(root, mutant, unmutated ? undefined : mutant);
    if (verdict.kind !== (unmutated ? 'survived' : 'caught')) bad += 1;
    total += seconds;
    print(`${seconds.toFixed(1).padStart(5)} s  ${mutant.name.padEnd(40)} ${describe(verdict)}`);
  }
  print(`${chosen.length} ${unmutated ? 'tests without a mutation' : 'mutants'} in ${total.toFixed(0)} s, ${bad} bad`);
  return bad === 0 ? 0 : 1;
}

main().then(
  (status) => (process.exitCode = status),
  (error: unknown) => {
    print(String(error instanceof Error ? error.stack : error));
    process.exitCode = 2;
  },
);
