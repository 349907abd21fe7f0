// `npm run postgres:writers -- [--processes 20] [--seconds 600] [--out FILE]`: many processes write to one PostgreSQL, and the first of them keeps
// long transactions of its own on the side, as another application would. Meanwhile this process watches. It must see every revision once, in
// order, with what its writer was told. The test many-writers.test.ts is its sample.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { root } from './pnpm.mjs';
import { providePostgres } from './postgres.mjs';
import { compile } from './run-check.mjs';

const { values } = parseArgs({
  options: {
    processes: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '600' },
    out: { type: 'string' },
    // Of a writer.
    writer: { type: 'string' },
    url: { type: 'string' },
    until: { type: 'string' },
  },
});
const home = join(root, 'packages', 'postgres');
const built = (name) => import(join(root, 'packages', name, 'dist', 'esm', 'index.js'));

if (values.writer === undefined) await watch();
else await write(Number(values.writer), values.url, Number(values.until));

async function write(writer, url, until) {
  const { postgresStore } = await built('postgres');
  const store = postgresStore({ connectionString: url, maxConnections: 2 });
  const beside = writer === 0 ? transactions(url, until) : Promise.resolve();
  for (let n = 0; Date.now() < until; n += 1) {
    const value = `${writer}:${n}`;
    const keys = n % 10 === 0 ? [`k/${n % 50}`, `own/${writer}`] : [`k/${n % 50}`];
    const [key] = keys;
    const { revision } =
      keys.length === 1
        ? await store.put(key, value)
        : await store.txn({ if: [], then: keys.map((each) => ({ type: 'put', key: each, value })) });
    process.stdout.write(`${revision} ${keys.map((each) => `${each}=${value}`).join(' ')}\n`);
  }
  await beside;
  await store.close();
}

/** Of another application, in the same database: each is open for a fifth of the time, and has a number and a snapshot of its own. */
async function transactions(url, until) {
  const { Client } = createRequire(join(home, 'package.json'))('pg');
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query('CREATE TABLE orders (id int)');
  const openMs = (until - Date.now()) / 5;
  while (Date.now() < until) {
    await client.query(
      'BEGIN ISOLATION LEVEL SERIALIZABLE; INSERT INTO orders VALUES (1); SELECT count(*) FROM holdfast.versions',
    );
    await new Promise((done) => setTimeout(done, Math.min(openMs, until - Date.now())));
    await client.query('COMMIT');
  }
  await client.end();
}

async function watch() {
  for (const name of ['postgres', 'testkit']) compile(join('packages', name, 'tsconfig.esm.json'));
  await providePostgres();
  const [{ postgresStore }, { startPostgres }] = await Promise.all([built('postgres'), built('testkit')]);
  const server = await startPostgres({ fsync: true });
  const store = postgresStore({ connectionString: server.url });
  const violations = [];
  /** What one side has told and the other has not yet, by revision. */
  const told = new Map();
  const seen = new Map();
  const match = (revision, mine, others, what) => {
    const other = others.get(revision);
    if (other === undefined) mine.set(revision, what);
    else if (other === what) others.delete(revision);
    else violations.push(`revision ${revision}: ${what}, and ${other}`);
  };
  try {
    const { bookmark } = await store.list({ prefix: '' });
    const following = store.watch({ prefix: '' }, { after: bookmark });
    let last = bookmark.revision;
    const reading = (async () => {
      for await (const batch of following) {
        if (batch.kind !== 'events') continue;
        const { revision } = batch.bookmark;
        if (revision !== last + 1) violations.push(`the watch saw revision ${revision} after ${last}`);
        last = revision;
        const what = batch.events.map(({ current }) => `${current.key}=${Buffer.from(current.value)}`).join(' ');
        match(revision, seen, told, what);
      }
    })();
    const until = Date.now() + Number(values.seconds) * 1_000;
    let acknowledged = 0;
    let transactions = 0;
    const writers = Array.from({ length: Number(values.processes) }, (_, writer) => {
      const args = [
        fileURLToPath(import.meta.url),
        '--writer',
        `${writer}`,
        '--url',
        server.url,
        '--until',
        `${until}`,
      ];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      createInterface(child.stdout).on('line', (line) => {
        const [revision, ...what] = line.split(' ');
        acknowledged += 1;
        if (what.length > 1) transactions += 1;
        match(Number(revision), told, seen, what.join(' '));
      });
      return new Promise((done) => child.once('close', done));
    });
    const codes = await Promise.all(writers);
    if (codes.some((code) => code !== 0)) violations.push(`writers ended with ${codes.join(', ')}`);
    const { revision } = await store.status();
    const patience = Date.now() + 60_000;
    while (last < revision && Date.now() < patience) await new Promise((done) => setTimeout(done, 50));
    if (last !== revision) violations.push(`the watch has seen up to revision ${last} of ${revision}`);
    await following.close();
    await reading;
    for (const [each, what] of [...told, ...seen].slice(0, 10))
      violations.push(`revision ${each}, only one side: ${what}`);
    const command = `npm run postgres:writers -- ${process.argv.slice(2).join(' ')}`.trim();
    const revisions = revision - bookmark.revision;
    const { processes, seconds } = { processes: Number(values.processes), seconds: Number(values.seconds) };
    const report = {
      command,
      server: server.version,
      processes,
      seconds,
      acknowledged,
      transactions,
      revisions,
      violations,
    };
    console.log(JSON.stringify(report, null, 1));
    if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(report, null, 1)}\n`);
    process.exitCode = violations.length === 0 ? 0 : 1;
  } finally {
    await store.close();
    await server.close();
  }
}
