import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { runBrokenStores } from './broken-stores.js';
import { mutants } from './mutants/index.js';
import { writeRun, type MutantResult } from './results.js';
import { runMutant } from './run-mutant.js';
import type { Verdict } from './verdict.js';

const USAGE = `usage: npm run mutants -- [part of a name]...
  without a name    all mutants, one line each
  --unmutated       their tests, on the sources as they are
  --out FILE        what came of all of them, as JSON`;

const root = process.cwd();
const { values, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    unmutated: { type: 'boolean', default: false },
    out: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const { unmutated, out } = values;

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

function saysOf(verdict: Verdict): string {
  if (verdict.kind === 'survived') return '';
  return verdict.kind === 'caught' ? verdict.by : verdict.reason;
}

async function main(): Promise<number> {
  if (values.help) {
    print(USAGE);
    return 0;
  }
  const whole = wanted.length === 0 && !unmutated;
  if (out !== undefined && !whole) {
    print('--out takes the result of all mutants: leave out the names and --unmutated');
    return 2;
  }
  const all = Object.values(mutants).flat();
  const chosen = all.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
  if (chosen.length === 0) {
    print(`no mutant's name contains ${wanted.join(' or ')}`);
    return 2;
  }
  const results: MutantResult[] = [];
  let bad = 0;
  let total = 0;
  for (const mutant of chosen) {
    const { verdict, seconds } = await runMutant(root, mutant, unmutated ? undefined : mutant);
    if (verdict.kind !== (unmutated ? 'survived' : 'caught')) bad += 1;
    total += seconds;
    results.push({
      name: mutant.name,
      verdict: verdict.kind,
      says: saysOf(verdict),
      seconds: Number(seconds.toFixed(1)),
    });
    print(`${seconds.toFixed(1).padStart(5)} s  ${mutant.name.padEnd(40)} ${describe(verdict)}`);
  }
  print(`${chosen.length} ${unmutated ? 'tests without a mutation' : 'mutants'} in ${total.toFixed(0)} s, ${bad} bad`);
  if (!whole) return bad === 0 ? 0 : 1;
  const brokenStores = await runBrokenStores(root);
  for (const name of brokenStores.failed) print(`FAILED: ${name}`);
  print(`broken stores, each with every case: ${brokenStores.passed} passed, ${brokenStores.failed.length} failed`);
  if (out !== undefined) {
    const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
    writeRun(out, { commit, at: new Date().toISOString(), brokenStores, mutants: results });
  }
  return bad + brokenStores.failed.length === 0 ? 0 : 1;
}

main().then(
  (status) => (process.exitCode = status),
  (error: unknown) => {
    print(String(error instanceof Error ? error.stack : error));
    process.exitCode = 2;
  },
);
