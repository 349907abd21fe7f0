// How the commands that read and write many keys end: by a signal, by a reader that has enough, by an output that can't be written.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { memoryStore } from '@holdfast/memory';
import { StoreError } from '@holdfast/store';
import {
  DelegatingDriver,
  GuardedStore,
  type DriverCall,
  type DriverGetOptions,
  type DriverListOptions,
  type KeyRange,
} from '@holdfast/store/adapter';
import { command, jsonLines, sharedMemory, startCommand } from '../support/command.js';

const cwd = mkdtempSync(join(tmpdir(), 'holdfast-ends-'));
const stored = memoryStore();

beforeAll(async () => {
  for (let each = 0; each < 3; each += 1) await stored.put(`/app/k${each}`, `old ${'x'.repeat(100)}`);
  mkdirSync(join(cwd, 'app'));
  writeFileSync(join(cwd, 'app', 'k0.txt'), `new ${'y'.repeat(100)}`);
  writeFileSync(join(cwd, 'app.ndjson'), `${JSON.stringify({ key: '/app/new', value: '1' })}\n`);
  writeFileSync(join(cwd, 'schema.json'), '{}');
});

afterAll(() => {
  rmSync(cwd, { recursive: true });
});

const READING: readonly (readonly string[])[] = [
  ['check'],
  ['export', '/app/'],
  ['export', '/app/', '--folder', 'out'],
  ['validate', '--schema', '/app/=schema.json'],
  ['diff', 'app', '--prefix', '/app/', '--out', 'plan'],
  ['diff', 'app', '--prefix', '/app/', '--json'],
  ['apply', 'app', '--prefix', '/app/', '--dry-run'],
  ['import', 'app.ndjson', '--dry-run'],
  ['rollback', '--prefix', '/app/', '--to', '2', '--dry-run'],
];

/** A store that takes a read, and never answers. */
class Silent extends DelegatingDriver {
  reads = 0;

  override get(_key: string, _options: DriverGetOptions, { signal }: DriverCall) {
    return this.#never(signal);
  }

  override list(_range: KeyRange, _options: DriverListOptions, { signal }: DriverCall) {
    return this.#never(signal);
  }

  override status({ signal }: DriverCall) {
    return this.#never(signal);
  }

  #never(signal: AbortSignal | undefined): Promise<never> {
    this.reads += 1;
    return new Promise((_, reject) => {
      signal?.addEventListener('abort', () => {
        reject(new StoreError('aborted', 'given up'));
      });
    });
  }
}

describe.each(READING.map((args) => [args.join(' '), args] as const))('%s', (_, args) => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends by %s with its code, and leaves nothing behind', async (signal, code) => {
    const before = readdirSync(cwd);
    const silent = new Silent(stored);
    const running = startCommand(args, { ...sharedMemory(new GuardedStore(silent)), cwd });
    while (silent.reads === 0) await new Promise((resolve) => setImmediate(resolve));
    running.signal(signal);
    expect(await running.code).toBe(code);
    expect(running.out === '' || running.out.endsWith('\n')).toBe(true);
    expect(readdirSync(cwd)).toEqual(before);
  });

  test('ends quietly where nobody reads its output', async () => {
    const { code, err } = await command(args, { ...sharedMemory(stored), cwd, closed: true });
    // An answer that is known by then counts: the folder differs, and the values are no JSON. A plan is there too.
    expect(code).toBe(['diff', 'validate'].includes(args[0]!) ? 1 : 0);
    if (args.includes('plan')) expect(readdirSync(cwd)).toContain('plan');
    expect(err).not.toContain('holdfast:');
    rmSync(join(cwd, 'out'), { recursive: true, force: true });
    rmSync(join(cwd, 'plan'), { force: true });
  });
});

test('no write is lost to a reader that has enough: what was done counts, also where nobody reads that', async () => {
  const store = memoryStore();
  const shared = sharedMemory(store);
  expect((await command(['import', 'app.ndjson', '--yes'], { ...shared, cwd, closed: true })).code).toBe(0);
  expect(await store.get('/app/new')).toBeDefined();
});

test('a terminal of 40 columns gets no control characters of a value, and whole differences', async () => {
  const store = memoryStore();
  await store.put('/app/k0', '\u001b[2J old\u009b');
  const { out } = await command(['diff', 'app', '--prefix', '/app/'], {
    ...sharedMemory(store),
    cwd,
    terminal: 40,
    env: { HOLDFAST_STORE: 'memory:', NO_COLOR: '1' },
  });
  expect(out).toBe(`~ /app/k0 (revision 2)\n    - \\u{1b}[2J old\\u{9b}\n    + new ${'y'.repeat(100)}\n`);
});

test('with --json, errors and notes are JSON too', async () => {
  const { code, err } = await command(['apply', 'app', '--prefix', '/app/', '--json'], {
    ...sharedMemory(stored),
    cwd,
  });
  expect(code).toBe(2);
  expect(jsonLines(err).map((line) => Object.keys(line)[0])).toEqual(['willChange', 'name']);
});
