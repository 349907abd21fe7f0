// `npm run check`: types, lint, formatting and spelling of the whole workspace, with caches, so that a second run takes seconds.
// `-- --fix` formats, and mends what the linter can mend.
//
// The linter's cache knows a file by its text alone: what a change of a type makes wrong in a file that imports it, only `npm run lint`
// and `npm test` find.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from './pnpm.mjs';

const fix = process.argv.includes('--fix');
const bin = (...path) => join('node_modules', ...path);
const cache = (name) => ['--cache', '--cache-strategy', 'content', '--cache-location', join('.cache', name)];

const prettier = [bin('prettier', 'bin', 'prettier.cjs'), '--log-level=warn', ...cache('prettier.json'), '.'];
const eslint = [
  bin('eslint', 'bin', 'eslint.js'),
  '--config',
  'eslint.config.js',
  '--max-warnings=0',
  ...cache('eslint.json'),
  '.',
];
const spelling = [bin('cspell', 'bin.mjs'), 'lint', '--no-progress', '--no-summary', ...cache('cspell.json'), '.'];
const typescript = [bin('typescript', 'bin', 'tsc'), '--project', join('.ci', 'tsconfig.check.json')];

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

// Two may not write the same file at a time, so that with --fix the formatter has the last word.
const style = async () => [
  await run('lint', fix ? [...eslint, '--fix'] : eslint),
  await run('format', [...prettier, fix ? '--write' : '--check']),
  await run('spelling', spelling),
];
const results = (await Promise.all([run('types', typescript), style()])).flat();
if (results.includes(false)) {
  console.log(
    fix ? 'Mend what is named above.' : 'Mend what is named above; npm run check -- --fix mends some of it by itself.',
  );
  process.exitCode = 1;
}
