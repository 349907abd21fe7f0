// `npm run check`: types, lint, formatting and spelling of the whole workspace, with caches, so that a second run takes seconds.
// `-- --fix` formats, and lets the linter fix what it can.
//
// The linter's cache looks at a file's own text only. If a changed type makes another file wrong, only `npm run lint` and `npm test` find it.
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
  await run('lint', fix ? [...eslint, '--fix'] : eslint),
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
