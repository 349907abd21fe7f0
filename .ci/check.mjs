// `npm run check`: types, lint, formatting and spelling of the whole workspace, with caches, so that a second run takes seconds.
// `-- --fix` formats, and lets the linter fix what it can.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from './pnpm.mjs';

const fix = process.argv.includes('--fix');
const bin = (...path) => join('node_modules', ...path);
const cache = (name) => ['--cache', '--cache-strategy', 'content', '--cache-location', join('.cache', name)];

const prettier = [bin('prettier', 'bin', 'prettier.cjs'), '--log-level=warn', ...cache('prettier.json'), '.'];
const oxlint = [bin('oxlint', 'bin', 'oxlint'), '.'];
const spelling = [bin('cspell', 'bin.mjs'), 'lint', '--no-progress', '--no-summary', ...cache('cspell.json'), '.'];
const typescript = [bin('typescript-7', 'bin', 'tsc'), '--project', join('.ci', 'tsconfig.check.json')];

function run(name, args) {
  return new Promise((resolve) => {
    const began = performance.now();
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    const printed = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => printed.push(data));
    child.on('close', (status) => {
      const ok = status === 0;
      console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
      if (!ok) process.stdout.write(Buffer.concat(printed));
      resolve(ok);
    });
  });
}

// One after the other, so that two never write the same file, and with --fix the formatter comes last.
const style = async () => [
  await run('lint', fix ? [...oxlint, '--fix'] : oxlint),
  await run('format', [...prettier, fix ? '--write' : '--check']),
  await run('spelling', spelling),
];
const results = (await Promise.all([run('types', typescript), style()])).flat();
if (results.includes(false)) {
  console.log(
    fix ? 'Fix the errors above.' : 'Fix the errors above; npm run check -- --fix fixes some of them by itself.',
  );
  process.exitCode = 1;
}
