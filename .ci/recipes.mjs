// Follows docs/testing-your-service.md literally, outside the checkout: its install command, and the recipes of each test runner.
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureEtcd, etcdVariable, formatEtcds } from './etcd.mjs';
import { manifest, projectBeside } from './packed.mjs';
import { root } from './pnpm.mjs';

const run = promisify(execFile);
const page = 'docs/testing-your-service.md';
const patienceMs = 120_000;

/** The sections of the page that have recipes. The first runs before the runners of the others are installed: the testkit needs none. */
const sections = ['node:test', 'Jest', 'Vitest'];
const runners = ['jest', 'vitest'];

/** The files and the command of a section. Fails for a section without both: a recipe that nothing runs proves nothing. */
function recipesOf(markdown, section) {
  const [, text = ''] = `${markdown}\n## `.split(`\n## ${section}\n`);
  const [body] = text.split('\n## ');
  const blocks = [...body.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map(([, language, code]) => ({ language, code }));
  const files = blocks
    .filter(({ language }) => language === 'js')
    .map(({ code }) => [/^\/\/ ([\w-]+\.test\.m?js)$/m.exec(code)?.[1], code]);
  const commands = blocks.filter(({ language }) => language === 'sh').map(({ code }) => code.trim());
  if (files.length === 0 || files.some(([name]) => name === undefined) || commands.length !== 1) {
    throw new Error(
      `${page}: the section "${section}" needs recipes that begin with "// NAME.test.js", and one command`,
    );
  }
  return { files, command: commands[0] };
}

/** Runs a command as a user of the page does. An error carries what it printed. */
async function follow(command, cwd, env = {}) {
  // By these, runners find out whether they run within another one, and whether they may print colours.
  const {
    NODE_OPTIONS: _options,
    NODE_TEST_CONTEXT: _context,
    JEST_WORKER_ID: _worker,
    FORCE_COLOR: _color,
    ...rest
  } = process.env;
  try {
    return await run('bash', ['-c', command], { cwd, env: { ...rest, ...env }, timeout: patienceMs });
  } catch (error) {
    throw new Error(`${page}: ${command}\n${error.stdout ?? ''}${error.stderr ?? error.message}`, { cause: error });
  }
}

const quiet = { npm_config_prefer_offline: 'true', npm_config_audit: 'false', npm_config_fund: 'false' };

/** Runs all recipes in a project beside a clone whose tarballs are packed. */
export async function runRecipes(tarballs, folder) {
  const service = projectBeside(tarballs, folder);
  const markdown = readFileSync(join(root, page), 'utf8');
  const [, install] = /^```sh\n(npm install .*)\n```$/m.exec(markdown) ?? [];
  if (install === undefined) throw new Error(`${page} has no npm install`);
  await follow(install, service, quiet);

  const etcds = { [etcdVariable]: formatEtcds(await ensureEtcd()) };
  for (const section of sections) {
    if (section === sections[1]) {
      const wanted = runners.map((name) => `${name}@${manifest(join('node_modules', name)).version}`);
      await follow(`npm install --save-dev ${wanted.join(' ')}`, service, quiet);
    }
    const { files, command } = recipesOf(markdown, section);
    const of = join(service, section.replace(/\W/g, '-'));
    mkdirSync(of);
    writeFileSync(join(of, 'package.json'), '{ "private": true }');
    for (const [name, code] of files) writeFileSync(join(of, name), code);
    const { stdout, stderr } = await follow(command, of, { ...etcds, NO_COLOR: '1' });
    // A runner that finds no test may still end well.
    const tests = files.reduce((sum, [, code]) => sum + [...code.matchAll(/^test\(/gm)].length, 0);
    const passed = /^(?:# pass|ℹ pass|Tests:|\s*Tests)\s+(\d+)/m.exec(`${stdout}\n${stderr}`)?.[1];
    if (Number(passed) !== tests) {
      throw new Error(`${page}: ${section} ran ${passed ?? 'no'} tests, not ${tests}\n${stdout}${stderr}`);
    }
  }
}
