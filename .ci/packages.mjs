// Packs every publishable package and checks the tarballs as their users get them: publint, the types in every module
// resolution, a project that installs them and runs under Jest's defaults, as CommonJS and as ESM, and the recipes
// and the bundling page of the documentation.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { checkBundling } from './bundle/follow.mjs';
import { installPacked, manifest, packedPackages, projectBeside } from './packed.mjs';
import { root } from './pnpm.mjs';
import { runRecipes } from './recipes.mjs';
import { unpackWithin, workFolder } from './work-folder.mjs';

const run = promisify(execFile);
const work = workFolder('holdfast-packages-');
unpackWithin(work);

/** Every way to find the types, by the newest compiler; and one by the last compiler that is written in JavaScript, which many have. */
const compilations = [
  ...['node16', 'nodenext', 'bundler', 'node-types', 'frameworks'].map((project) => ['typescript-7', project]),
  ['typescript', 'nodenext'],
];

/** Runs a tool's script in Node. An error carries what the tool printed. */
async function tool(script, args, options = {}) {
  try {
    return await run(process.execPath, [script, ...args], { cwd: work, ...options });
  } catch (error) {
    throw new Error(
      `${script.replace(`${root}/`, '')} ${args.join(' ')}\n${error.stdout ?? ''}${error.stderr ?? error.message}`,
    );
  }
}

/** Its manifest, and its types in every module resolution. */
async function checkTarball(name, tarball) {
  // A copy: small files share a pool's memory.
  const packed = Uint8Array.from(readFileSync(tarball));
  const { messages } = await publint({ strict: true, pack: { tarball: packed.buffer } });
  // `node10` knows no `exports`; the packages ask for Node 20.
  const { problems = [] } = await checkPackage(createPackageFromTarballData(packed));
  const wrong = problems.filter((problem) => (problem.resolutionKind ?? problem.resolutionOption) !== 'node10');
  if (messages.length + wrong.length > 0) {
    throw new Error(`${name} as it is packed:\n${JSON.stringify([...messages, ...wrong], undefined, 2)}`);
  }
}

/** The project in .ci/consumer, with the tarballs and the tools of this workspace's versions, installed by npm. */
async function installConsumer(tarballs) {
  const consumer = join(work, 'consumer');
  cpSync(join(root, '.ci', 'consumer'), consumer, { recursive: true });
  const compilers = ['typescript', 'typescript-7'];
  await installPacked(consumer, tarballs, ['jest', '@jest/globals', ...compilers, '@types/node', 'yaml', 'esbuild']);
  return consumer;
}

async function checkConsumer(tarballs) {
  const consumer = await installConsumer(tarballs);
  const jest = join(consumer, 'node_modules/jest/bin/jest.js');
  const { NODE_OPTIONS: _, ...env } = process.env;
  await tool(jest, [], { cwd: join(consumer, 'cjs'), env });
  await tool(jest, [], { cwd: join(consumer, 'esm'), env: { ...env, NODE_OPTIONS: '--experimental-vm-modules' } });
  for (const [compiler, project] of compilations) {
    const tsc = join(consumer, 'node_modules', compiler, 'bin/tsc');
    await tool(tsc, ['--project', `tsconfig.${project}.json`], { cwd: join(consumer, 'types') });
  }
  await checkBundling(consumer, work);
  await checkCommand(consumer);
}

/** `npx holdfast` outside of the checkout: with the adapters that it brings along, and with one that only this project has. */
async function checkCommand(consumer) {
  const { HOLDFAST_STORE: _, ...env } = process.env;
  const npx = (...args) => run('npx', ['--no-install', 'holdfast', ...args], { cwd: consumer, env });
  const expectText = async (text, ...args) => {
    const { stdout } = await npx(...args);
    if (!stdout.includes(text)) throw new Error(`npx holdfast ${args.join(' ')} printed ${stdout}, without ${text}`);
  };
  const lent = join(consumer, 'node_modules', 'holdfast-lent');
  mkdirSync(lent);
  writeFileSync(join(lent, 'package.json'), '{ "name": "holdfast-lent", "main": "index.js" }');
  const adapter = "{ scheme: 'lent', open: () => require('@holdfast/memory').memoryStore() }";
  writeFileSync(join(lent, 'index.js'), `exports.lent = ${adapter};`);
  const config = "import { json } from '@holdfast/core';\nexport default { prefix: '', codec: json() };";
  writeFileSync(join(consumer, 'config.mjs'), config);
  writeFileSync(join(consumer, 'schema.json'), '{ "type": "object" }');
  mkdirSync(join(consumer, 'app'));
  writeFileSync(join(consumer, 'app', 'a.yaml'), 'port: 80\n');

  await expectText(manifest('packages/cli').version, '--version');
  await expectText('lease', 'status', '--capabilities', '--store', 'lent:');
  for (const store of ['memory:', 'lent:'])
    await expectText('Changed 1 key', 'apply', 'app', '--yes', '--store', store);
  await npx('validate', '--folder', 'app', '--config', 'config.mjs', '--schema', '=schema.json');
  await expectText('complete -o default -F', 'completion', 'bash');
  for (const scheme of ['etcd-v3', 'etcd-v2']) {
    const { code, stderr } = await npx('get', '/a', '--store', `${scheme}://127.0.0.1:1`).then(
      () => ({ code: 0, stderr: '' }),
      (error) => error,
    );
    if (code !== 3) throw new Error(`npx holdfast with no ${scheme} ended with ${code}: ${stderr}`);
  }
}

/** Follows the install section of the README: its commands, in a project beside a clone whose tarballs are packed. */
async function checkInstallSection(tarballs) {
  const section = readFileSync(join(root, 'README.md'), 'utf8').split('## Install')[1].split('\n## ')[0];
  const [, block] = /```sh\n([^]*?)```/.exec(section);
  const service = projectBeside(tarballs, join(work, 'beside'));
  const commands = block.split('\n').filter((line) => line.startsWith('npm install'));
  if (commands.length === 0) throw new Error('the install section of the README has no npm install');
  for (const command of commands) await run('bash', ['-c', command], { cwd: service });
  const names = ['core', 'memory', 'etcd-v3'].map((name) => `@holdfast/${name}`);
  await tool('-e', [`for (const name of ${JSON.stringify(names)}) require(name)`], { cwd: service });
}

async function checkTarballs(tarballs) {
  for (const [name, tarball] of tarballs) await checkTarball(name, tarball);
}

try {
  const tarballs = packedPackages(join(work, 'tarballs'));
  const checks = await Promise.allSettled([
    checkTarballs(tarballs),
    checkConsumer(tarballs),
    checkInstallSection(tarballs),
    runRecipes(tarballs, join(work, 'recipes')),
  ]);
  const failed = checks.filter(({ status }) => status === 'rejected');
  for (const { reason } of failed) console.error(reason.message);
  if (failed.length === 0) console.log(`checked ${[...tarballs.keys()].join(', ')}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
