import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventually, findEtcd, startEtcd, startProxy, type Etcd } from '@holdfast/testkit';
import { gatewayEntries } from './support/gateway-entries.js';
import { root } from './support/markdown-sample.js';

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(command: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd: root, maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stdout, stderr });
    });
  });
}

const PROGRAM = join(root, 'packages', 'cli', 'dist', 'esm', 'quickstart.js');
const quickstart = (...args: readonly string[]) => run(process.execPath, [PROGRAM, ...args]);

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-quickstart-'));
  // The command that a new user types; it builds what the other tests here run.
  const { code, stdout, stderr } = await run('npm', ['run', '--silent', 'quickstart']);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(stdout).toContain('Holdfast on memory');
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** The headings of a run that went through. */
const STEPS = [
  /^1 {2}Load/m,
  /^2 {2}A live/m,
  /^3 {2}A trans/m,
  /^4 {2}A bad/m,
  /^5 {2}Cut off/m,
  /^The mirror equals/m,
];

function expectAllSteps({ code, stdout, stderr }: Outcome): void {
  expect(stderr).toBe('');
  for (const step of STEPS) expect(stdout).toMatch(step);
  expect(code).toBe(0);
}

test('a second run begins at once: it installs and builds nothing', async () => {
  const { stdout, stderr } = await run('npm', ['run', '--silent', 'quickstart', '--', '--help']);
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^Usage: npm run quickstart/);
});

test('the whole of it fits on a screen', async () => {
  const outcome = await quickstart();
  expectAllSteps(outcome);
  const lines = outcome.stdout.split('\n');
  expect(lines.length).toBeLessThan(35);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(112);
});

test('--help says how to use it', async () => {
  const { code, stdout } = await quickstart('--help');
  expect(stdout).toContain('npm run quickstart [-- [URL] [FILE.jsonl] [--compact]]');
  expect(code).toBe(0);
});

describe.each([findEtcd({})])('the same program on etcd $version', ({ version }) => {
  let etcd: Etcd;
  let url: string;

  beforeAll(async () => {
    etcd = await startEtcd({ version });
    url = etcd.endpoints[0]!.replace('http://', 'etcd-v3://');
    await etcd.put('/somebody/elses', 'value');
  });

  afterAll(async () => {
    await etcd.close();
  });

  /** Everything in etcd, as etcdctl tells it. */
  const everything = () => etcd.ctl('get', '', '--prefix', '--write-out=fields');
  const withoutHeader = (fields: string) => fields.split('\n').filter((line) => /"(Key|ModRevision|Value)"/.test(line));

  test('goes through, and leaves nothing behind and nothing changed', async () => {
    const before = withoutHeader(await everything());
    const outcome = await quickstart(url);
    expectAllSteps(outcome);
    expect(outcome.stdout).toContain(`Holdfast on etcd-v3 ${version}`);
    expect(outcome.stdout).toContain('resync (compacted)');
    expect(withoutHeader(await everything())).toEqual(before);
    await eventually(async () => expect(await etcd.metric('etcd_debugging_mvcc_watcher_total')).toBe(0));
  });

  test('takes any file of {"key", "value"} lines', async () => {
    const { entries } = gatewayEntries();
    const path = file('config.jsonl', entries.map((entry) => JSON.stringify(entry)).join('\n'));
    const outcome = await quickstart(url, path);
    expectAllSteps(outcome);
    expect(outcome.stdout).toContain(`${entries.length.toLocaleString('en')} entries in memory`);
    expect(await everything()).not.toContain('holdfast-quickstart');
  });

  test('works below a prefix of the URL, where it may not compact', async () => {
    const outcome = await quickstart(`${url}/app`);
    expectAllSteps(outcome);
    expect(outcome.stdout).toContain('not compacted: this store, or the view that the URL asks for');
    expect(await everything()).not.toContain('holdfast-quickstart');
  });

  test('stopped half-way it cleans up', async () => {
    // Its requests pass through this process: it gets no further while this one stands still.
    await using proxy = await startProxy(etcd.endpoints[0]!);
    const behind = proxy.endpoint.replace('http://', 'etcd-v3://');
    const child = spawn(process.execPath, [PROGRAM, behind], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let printed = '';
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
      // Once: a second signal would end it at once.
      if (!child.killed && printed.includes('5  Cut off')) child.kill('SIGINT');
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    expect(await ended).toBe(1);
    expect(printed).toContain('5  Cut off');
    expect(printed).not.toContain('The mirror equals');
    expect(await everything()).not.toContain('holdfast-quickstart');
  });
});

describe.each([findEtcd({})])("the same program on the keys API of etcd $version's v2", ({ version }) => {
  let etcd: Etcd;
  let url: string;

  beforeAll(async () => {
    etcd = await startEtcd({ version, enableV2: true });
    url = etcd.endpoints[0]!.replace('http://', 'etcd-v2://');
  });

  afterAll(async () => {
    await etcd.close();
  });

  const leftovers = async () =>
    (await fetch(`${etcd.endpoints[0]!}/v2/keys/holdfast-quickstart?recursive=true`)).text();

  test('goes through, with guarded writes in place of the transaction, and leaves nothing behind', async () => {
    const outcome = await quickstart(url);
    expect(outcome.stderr).toBe('');
    for (const step of STEPS.filter((heading) => !heading.source.includes('trans')))
      expect(outcome.stdout).toMatch(step);
    expect(outcome.stdout).toContain('3  Guarded writes');
    expect(outcome.stdout).toContain('Holdfast on etcd-v2');
    expect(outcome.code).toBe(0);
    expect(await leftovers()).not.toContain('"value"');
  });

  test('takes a file of values that are not JSON', async () => {
    const path = file('text.jsonl', '{"key":"/t/a","value":"one"}\n{"key":"/t/b","value":"two"}\n');
    const outcome = await quickstart(url, path);
    expect(outcome.stderr).toBe('');
    expect(outcome.stdout).toContain('bytes that are not text, which this store refuses to take');
    expect(outcome.stdout).toMatch(/^The mirror equals/m);
    expect(await leftovers()).not.toContain('"value"');
  });
});

describe('what the user can put right is said in a paragraph, with exit code 1:', () => {
  async function complaint(...args: readonly string[]): Promise<string> {
    const { code, stderr } = await quickstart(...args);
    expect(code).toBe(1);
    expect(stderr).not.toMatch(/^ {4}at /m);
    expect(stderr.split('\n').length).toBeLessThan(15);
    return stderr;
  }

  test('bad lines, before anything is written', async () => {
    const path = file('bad.jsonl', '{"key":"/a","value":1}\nnot json\n{"key":"","value":1}\n');
    const said = await complaint(path);
    expect(said).toContain('2 lines that cannot be used, so nothing was written');
    expect(said).toContain('line 2: not JSON');
    expect(said).toContain('line 3: "key" is empty');
  });

  test('a file that is not there', async () => {
    expect(await complaint(join(folder, 'missing.jsonl'))).toContain('missing.jsonl');
  });

  test('an unknown scheme', async () => {
    const said = await complaint('consul://127.0.0.1:8500');
    expect(said).toContain('consul');
    expect(said).toContain('etcd-v3://127.0.0.1:2379');
  });

  test('an endpoint where nobody listens', async () => {
    const said = await complaint('etcd-v3://127.0.0.1:1');
    expect(said).toContain('127.0.0.1:1');
    expect(said).toContain('Is it running there?');
  });

  test('a value over the limit of the store', async () => {
    const path = file('large.jsonl', JSON.stringify({ key: '/a/large', value: 'x'.repeat(2_000_000) }));
    expect(await complaint(path)).toContain('too-large');
  });

  test('an option that does not exist, and too many arguments', async () => {
    expect(await complaint('--fast')).toContain('There is no option --fast');
    expect(await complaint('a.jsonl', 'b.jsonl')).toContain('One URL and one file at most');
  });
});
