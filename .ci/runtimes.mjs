// `npm run test:runtimes [-- node|bun|deno …]`: the packed packages on other runtimes. On each: a mirror on the embedded store, and mirrors of a
// real etcd through both of its APIs while connections are cut, the server is killed and started again, and history is compacted. All of them
// follow the same etcd at once. The command fails if a Node version fails. Bun and Deno are only tried; the README has the results.
import { mkdirSync, readdirSync, cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { ensureEtcd, etcdVariable, formatEtcds } from './etcd.mjs';
import { installPacked, packedPackages } from './packed.mjs';
import { root } from './pnpm.mjs';
import { ensureRuntimes } from './runtimes/install.mjs';
import { Program } from './runtimes/program.mjs';
import { unpackWithin, workFolder } from './work-folder.mjs';

const work = workFolder('holdfast-runtimes-');
unpackWithin(work);
const patienceMs = 30_000;
const words = process.argv.slice(2);

/** Name of a program → why it failed. A program that failed takes no further part. */
const failures = new Map();

/** Runs a step in all programs in parallel, and returns those that passed it. */
async function each(programs, step, act) {
  const results = await Promise.allSettled(programs.map(act));
  return programs.filter((program, index) => {
    const { status, reason } = results[index];
    if (status === 'rejected') {
      failures.set(program.name, `${step}: ${reason.message}`);
      program.kill();
    }
    return status === 'fulfilled';
  });
}

/** The keys below /app/ as etcd itself reports them, through each of its APIs. */
class Truth {
  constructor(etcd) {
    this.etcd = etcd;
    [this.endpoint] = etcd.endpoints;
  }

  async read(backend) {
    if (backend === 'etcd-v3') {
      const { kvs = [] } = JSON.parse(await this.etcd.ctl('get', '/app/', '--prefix', '--write-out=json'));
      const text = (base64) => Buffer.from(base64 ?? '', 'base64').toString();
      return Object.fromEntries(kvs.map(({ key, value }) => [text(key).slice('/app/'.length), text(value)]));
    }
    const { node } = await (await fetch(`${this.endpoint}/v2/keys/app?recursive=true&quorum=true`)).json();
    return Object.fromEntries((node?.nodes ?? []).map(({ key, value }) => [key.slice('/app/'.length), value]));
  }

  /** Writes a key through both APIs. */
  async put(key, value) {
    await Promise.all([this.etcd.put(key, value), this.#keys('PUT', key, value)]);
  }

  async delete(key) {
    await Promise.all([this.etcd.ctl('del', key), this.#keys('DELETE', key)]);
  }

  /** Makes etcd forget its history: v3 with a compaction, v2 with more writes than the thousand that it remembers. */
  async forget() {
    await this.etcd.compact();
    const lanes = Array.from({ length: 20 }, async (_, lane) => {
      for (let index = 0; index < 55; index += 1) await this.#keys('PUT', `/elsewhere/${lane}`, String(index));
    });
    await Promise.all(lanes);
  }

  async #keys(method, key, value) {
    const body = value === undefined ? undefined : new URLSearchParams({ value });
    const response = await fetch(`${this.endpoint}/v2/keys${key}`, { method, body });
    if (!response.ok) throw new Error(`etcd answered ${response.status} to ${method} ${key}`);
    await response.arrayBuffer();
  }
}

async function until(what, condition) {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const missing = await condition();
    if (missing === undefined) return;
    if (Date.now() > deadline) throw new Error(`${what} did not come within ${patienceMs} ms: ${missing}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Waits until every mirror is live and equals the store. */
async function equal(programs, step, truth, also = () => undefined) {
  return each(programs, step, (program) =>
    until('equality with the store', async () => {
      const [{ view, status, causes }, wanted] = [await program.call('view'), await truth.read(program.backend)];
      if (status !== 'live') return `the mirror is ${status}`;
      if (!isDeepStrictEqual(view, wanted))
        return `${Object.keys(view).length} of ${Object.keys(wanted).length} keys, or other values`;
      return also(causes);
    }),
  );
}

async function followEtcd(programs, { etcd, proxy, truth }) {
  const cutOff = async (meanwhile) => {
    proxy.refuse();
    proxy.cut({ reset: true });
    await meanwhile();
    await proxy.allow();
  };
  let left = await each(programs, 'start', (program) => program.ready(patienceMs));
  left = await equal(left, 'load', truth);

  left = await each(left, 'write', async (program) => {
    const own = program.name.toLowerCase().replaceAll(' ', '-');
    const { revision } = await program.call('put', { key: `/app/by-${own}`, value: 'put' });
    if (!(revision > 0)) throw new Error(`a put gave revision ${revision}`);
    const keys = program.backend === 'etcd-v3' ? [`/app/${own}-1`, `/app/${own}-2`] : [`/app/${own}-1`];
    const { succeeded } = await program.call('txn', { keys, value: 'txn' });
    if (!succeeded) throw new Error('a transaction without a condition did not succeed');
  });
  left = await equal(left, 'watch', truth);

  await cutOff(() => truth.put('/app/key-1', 'written while cut off'));
  left = await equal(left, 'a cut connection', truth);

  const [member] = etcd.members;
  await member.kill();
  await member.start();
  await truth.put('/app/key-2', 'written after the restart');
  left = await equal(left, 'a killed server', truth);

  await cutOff(async () => {
    await truth.put('/app/key-3', 'written before the compaction');
    await truth.delete('/app/key-4');
    await truth.forget();
  });
  left = await equal(left, 'a compaction', truth, (causes) =>
    causes.includes('resync') ? undefined : `no resync, but ${causes}`,
  );

  await each(left, 'close', async (program) => {
    await program.call('close');
    const late = new Promise((resolve) =>
      setTimeout(resolve, 10_000, { signal: 'nothing: it still runs after 10 s' }).unref(),
    );
    const { status, signal } = await Promise.race([program.ended, late]);
    if (status !== 0) throw new Error(`closed, it ended by ${signal ?? `exit ${status}`}: ${program.printed}`);
  });
}

async function main() {
  const began = performance.now();
  const etcds = await ensureEtcd();
  process.env[etcdVariable] = formatEtcds(etcds);
  // 3.5 is the newest that still has both APIs.
  const version = [...etcds.keys()].filter((each) => each.startsWith('3.5.')).at(-1);
  const [runtimes, tarballs] = await Promise.all([
    ensureRuntimes(words.length === 0 ? ['node', 'bun', 'deno'] : words),
    packedPackages(join(work, 'tarballs')),
  ]);
  const project = join(work, 'project');
  mkdirSync(project);
  await installPacked(project, tarballs);
  for (const name of readdirSync(join(root, '.ci', 'runtimes')))
    cpSync(join(root, '.ci', 'runtimes', name), join(project, name));

  const { startEtcd, startProxy } = await import('../packages/testkit/dist/esm/index.js');
  const etcd = await startEtcd({ version, enableV2: true });
  const proxy = await startProxy(etcd.endpoints[0]);
  const programs = [];
  try {
    const truth = new Truth(etcd);
    for (let index = 0; index < 50; index += 1) await truth.put(`/app/key-${index}`, `value ${index}`);
    const start = ({ name, command }, backend, ...args) => {
      const program = new Program(`${name} on ${backend}`, [...command, ...args], { cwd: project });
      programs.push(Object.assign(program, { backend }));
      return program;
    };
    const onEtcd = runtimes.flatMap((runtime) =>
      ['etcd-v3', 'etcd-v2'].map((backend) =>
        start(runtime, backend, 'app.mjs', `${backend}://127.0.0.1:${proxy.port}`),
      ),
    );
    const onMemory = runtimes.map((runtime) => start(runtime, 'memory', 'memory.mjs'));
    await Promise.all([
      followEtcd(onEtcd, { etcd, proxy, truth }),
      each(onMemory, 'a mirror on the embedded store', async (program) => {
        const { status, signal } = await program.ended;
        if (status !== 0) throw new Error(`ended by ${signal ?? `exit ${status}`}: ${program.printed}`);
      }),
    ]);
    report(runtimes, version, (performance.now() - began) / 1_000);
  } finally {
    for (const program of programs) program.kill();
    await proxy.close();
    await etcd.close();
  }
}

function report(runtimes, etcdVersion, seconds) {
  for (const { name, version } of runtimes) {
    const cells = ['memory', 'etcd-v3', 'etcd-v2'].map(
      (backend) => `${backend} ${failures.has(`${name} on ${backend}`) ? 'FAILED' : 'ok'}`,
    );
    console.log(`${name.padEnd(8)} ${version.padEnd(9)} ${cells.join('   ')}`);
  }
  console.log(`on etcd ${etcdVersion}, in ${seconds.toFixed(0)} s`);
  for (const [name, why] of failures) console.log(`\n${name} failed at ${why}`);
  if ([...failures.keys()].some((name) => name.startsWith('Node'))) process.exitCode = 1;
}

try {
  await main();
} finally {
  rmSync(work, { recursive: true, force: true });
}
