// Follows docs/bundling.md: its service, its commands, and each bundle started in a folder that has nothing else.
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { ensureEtcd, etcdVariable, formatEtcds } from '../etcd.mjs';
import { root } from '../pnpm.mjs';

const run = promisify(execFile);

/** A bundle waits for nothing: one that still runs by then hangs. */
const LIMIT_MS = 30_000;

const FOREIGN_PROTO = `syntax = "proto3";
package etcdserverpb;
message Order { string id = 1; }
service KV { rpc Range(Order) returns (Order); }
`;

function readPage() {
  const page = readFileSync(join(root, 'docs/bundling.md'), 'utf8');
  const blocks = (language) =>
    [...page.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, 'g'))].map(([, text]) => text);
  const [service] = blocks('ts no-run');
  const commands = blocks('sh').map((command) => command.trim());
  if (service === undefined || commands.length < 3) throw new Error('docs/bundling.md has no service, or no commands');
  return { service, commands };
}

/** What the service prints, as the comments beside its calls say. */
function expectedOutput(service, store) {
  const comments = [...service.matchAll(/console\.log\(.*\); \/\/ (.*)/g)].map(([, text]) => text);
  return comments.map((line) => `${line.replace(/^memory /, `${store} `)}\n`).join('');
}

/** Runs the page's commands in a folder. Returns the bundles. */
async function bundle(folder, commands) {
  for (const command of commands) await run('bash', ['-c', command], { cwd: folder });
  const dist = join(folder, 'dist');
  return readdirSync(dist).map((name) => join(dist, name));
}

/** Starts a bundle alone in a folder, and compares what it prints. */
async function start(built, folder, { env = {}, prints }) {
  const name = basename(built);
  const alone = join(folder, name.replace('.', '-'));
  mkdirSync(alone, { recursive: true });
  copyFileSync(built, join(alone, name));
  const { NODE_PATH: _, NODE_OPTIONS: __, ...inherited } = process.env;
  const options = { cwd: alone, env: { ...inherited, ...env }, timeout: LIMIT_MS };
  const { stdout } = await run(process.execPath, [name], options);
  if (stdout !== prints) throw new Error(`${name} printed ${JSON.stringify(stdout)}, not ${JSON.stringify(prints)}`);
}

/** Starts the bundles on the memory store, all at once, and then on etcd, one after the other: they write the same keys. */
async function startAll(bundles, folder, { env, prints }) {
  await Promise.all(bundles.map((built) => start(built, folder, { prints: prints('memory') })));
  for (const built of bundles) await start(built, folder, { env, prints: prints('etcd-v3') });
}

async function startServer() {
  process.env[etcdVariable] ??= formatEtcds(await ensureEtcd());
  const { startEtcd } = await import('../../packages/testkit/dist/esm/index.js');
  return startEtcd();
}

/**
 * The page with its own service, and then with check.ts in its place.
 *
 * @param project a folder outside the checkout with the packed packages and esbuild installed
 * @param work where the bundles are started: no folder above it may have `node_modules`
 * @throws Error what went otherwise than the page says
 */
export async function checkBundling(project, work) {
  const { service, commands } = readPage();
  const folder = join(project, 'bundling');
  mkdirSync(folder);
  const etcd = await startServer();
  try {
    // As text: JSON.parse rounds it.
    const [, id] = /"cluster_id":(\d+)/.exec(await etcd.ctl('get', '/', '--write-out=json'));
    const env = { CONFIG_STORE: etcd.endpoints[0].replace('http:', 'etcd-v3:'), CLUSTER_ID: id };

    writeFileSync(join(folder, 'service.ts'), service);
    const prints = (store) => expectedOutput(service, store);
    await startAll(await bundle(folder, commands), join(work, 'alone', 'service'), { env, prints });

    // Where etcd3 in a bundle looks for its file, there may be another service's.
    mkdirSync(join(work, 'alone', 'check', 'proto'), { recursive: true });
    writeFileSync(join(work, 'alone', 'check', 'proto', 'rpc.proto'), FOREIGN_PROTO);
    copyFileSync(join(root, '.ci/bundle/check.ts'), join(folder, 'service.ts'));
    const checked = () => 'checked\n';
    await startAll(await bundle(folder, commands), join(work, 'alone', 'check'), { env, prints: checked });
  } finally {
    await etcd[Symbol.asyncDispose]();
  }
}
