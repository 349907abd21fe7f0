import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { memoryStore } from '@holdfast/memory';
import { StoreError, type ConfigStore, type Lease } from '@holdfast/store';
import { DelegatingDriver, GuardedStore, type DriverLeases } from '@holdfast/store/adapter';
import { startEtcd, type Etcd } from '@holdfast/testkit';
import { command, jsonLines, sharedMemory, startCommand, type CommandOptions } from '../support/command.js';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-store-'));
let etcd: Etcd;

beforeAll(async () => {
  etcd = await startEtcd({ version: '3.5', enableV2: true });
});

afterAll(async () => {
  await etcd.close();
  rmSync(folder, { recursive: true });
});

const on = (scheme: string): CommandOptions => ({
  env: { HOLDFAST_STORE: etcd.endpoints[0]!.replace('http:', `${scheme}:`) },
});

describe('status', () => {
  test.each(['etcd-v3', 'etcd-v2'])('shows what %s says of itself', async (scheme) => {
    const { code, out } = await command(['status'], on(scheme));
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^store\\t${scheme}://127.0.0.1:\\d+\\nbackend\\t${scheme}\\nversion\\t3\\.5\\.`));
    expect(out).toMatch(/^member\t/m);
    const [json] = jsonLines((await command(['status', '--json'], on(scheme))).out);
    expect(json).toMatchObject({ identity: expect.any(String), revision: expect.any(Number) });
  });

  test('shows what a backend can do', async () => {
    const { out } = await command(['status', '--capabilities'], on('etcd-v2'));
    expect(out).toContain('transactions\tsingle-key\n');
    const table = await command(['status', '--capabilities'], { ...sharedMemory(), terminal: 40 });
    for (const line of table.out.split('\n')) expect(line.replaceAll(/.\[\d+m/g, '').length).toBeLessThanOrEqual(40);
  });
});

describe('compact', () => {
  test('forgets the history, where somebody says yes', async () => {
    const shared = sharedMemory();
    for (const value of ['1', '2', '3']) await shared.store.put('a', value);
    const dry = await command(['compact', '3', '--dry-run'], shared);
    expect(dry).toMatchObject({
      code: 0,
      out: 'Would forget the history of memory: before revision 3; its head is 4.\n',
    });
    expect((await command(['compact', '3'], shared)).code).toBe(2);
    expect((await command(['compact', '3'], { ...shared, terminal: 80, input: '\n' })).code).toBe(1);
    expect((await command(['get', 'a', '--revision', '2'], shared)).out).toBe('1');
    expect((await command(['compact', '3', '--yes', '--json'], shared)).out).toBe('{"compactRevision":3}\n');
    expect((await command(['get', 'a', '--revision', '2'], shared)).code).toBe(4);
    expect((await command(['compact', '3', '--yes'], shared)).code).toBe(4);
    expect((await command(['compact', 'x'], shared)).code).toBe(2);
  });

  test('is refused where the backend has no compaction', async () => {
    expect((await command(['compact', '1', '--yes'], on('etcd-v2'))).code).toBe(2);
  });
});

describe('lease', () => {
  test('grants, shows, lists, renews and revokes', async () => {
    const [granted] = jsonLines((await command(['lease', 'grant', '60', '--json'], on('etcd-v3'))).out) as [
      { id: string },
    ];
    const { id } = granted;
    expect((await command(['put', '/lease/a', '1', '--lease', id], on('etcd-v3'))).code).toBe(0);
    const shown = await command(['lease', 'show', id], on('etcd-v3'));
    expect(shown.out).toMatch(new RegExp(`^Lease ${id}: \\d+ s left of 60 s\\.\\n/lease/a\\n$`));
    expect((await command(['lease', 'list'], on('etcd-v3'))).out.split('\n')).toContain(id);
    const once = await command(['lease', 'keep-alive', id, '--once'], on('etcd-v3'));
    expect(once).toMatchObject({ code: 0, out: `Lease ${id} lives for 60 s.\n` });
    const renewing = startCommand(['lease', 'keep-alive', id], on('etcd-v3'));
    await renewing.shows('lives for 60 s');
    renewing.signal('SIGINT');
    expect(await renewing.code).toBe(130);
    expect((await command(['lease', 'revoke', id], on('etcd-v3'))).code).toBe(0);
    expect((await command(['get', '/lease/a'], on('etcd-v3'))).code).toBe(1);
    expect((await command(['lease', 'keep-alive', id], on('etcd-v3'))).code).toBe(4);
    expect((await command(['lease', 'show', id], on('etcd-v3'))).code).toBe(4);
  });

  test('is kept alive through an outage, whatever becomes of the wall clock', async () => {
    let renewals = 0;
    const clock = jest.spyOn(Date, 'now');
    class Flaky extends DelegatingDriver {
      protected override delegateLeases(store: ConfigStore): DriverLeases {
        const keepAlive = (id: string): Promise<Lease> => {
          renewals += 1;
          if (renewals === 1) return store.leases.keepAlive(id);
          const isOut = renewals === 2;
          if (isOut) clock.mockReturnValue(Number.MAX_SAFE_INTEGER);
          else clock.mockRestore();
          return Promise.reject(new StoreError(isOut ? 'unavailable' : 'lease-not-found', 'out', { retryable: isOut }));
        };
        return { ...super.delegateLeases(store), keepAlive };
      }
    }
    const shared = sharedMemory(new GuardedStore(new Flaky(memoryStore())));
    // Of a time that the machine may stand still in.
    const { id } = await shared.store.leases.grant(6);
    const { code, err } = await command(['lease', 'keep-alive', id], shared);
    clock.mockRestore();
    expect(err).toContain('is tried again: out');
    expect(code).toBe(4);
  });

  test('is refused where the backend has none, or the command is unknown', async () => {
    expect((await command(['lease', 'grant', '60'], on('etcd-v2'))).code).toBe(2);
    const unknown = await command(['lease', 'grunt'], sharedMemory());
    expect(unknown.code).toBe(2);
    expect(unknown.err).toContain('holdfast lease --help');
    expect((await command(['lease'], sharedMemory())).code).toBe(2);
  });
});

describe('txn', () => {
  test('runs what is in a file or on the input, at one revision', async () => {
    const then = [
      { type: 'put', key: '/t/a', valueBase64: '/w==' },
      { type: 'put', key: '/t/b', value: 'text' },
      { type: 'list', range: { prefix: '/t/' } },
    ];
    writeFileSync(join(folder, 'txn.json'), JSON.stringify({ then }));
    const { code, out } = await command(['txn', 'txn.json', '--json'], { ...on('etcd-v3'), cwd: folder });
    expect(code).toBe(0);
    expect(jsonLines(out)).toMatchObject([
      {
        succeeded: true,
        results: [
          { type: 'put' },
          { type: 'put' },
          {
            type: 'list',
            count: 2,
            items: [
              { key: '/t/a', valueBase64: '/w==' },
              { key: '/t/b', value: 'text' },
            ],
          },
        ],
      },
    ]);
    const fails = { if: [{ key: '/t/b', target: 'value', op: '=', value: 'no' }], then: [] };
    const failed = await command(['txn', '-'], { ...on('etcd-v3'), input: JSON.stringify(fails) });
    expect(failed.code).toBe(5);
    expect(failed.err).toContain('nothing was changed');
    const other = { ...fails, else: [{ type: 'get', key: '/t/b' }] };
    const otherwise = await command(['txn', '-'], { ...on('etcd-v3'), input: JSON.stringify(other) });
    expect(otherwise.code).toBe(0);
    expect(otherwise.out).toMatch(/^The compares did not hold\. Done at revision \d+\.\n\/t\/b\t\d+\ttext\n$/);
  });

  test.each([
    ['no JSON', '{', 'not JSON'],
    ['no object', '[]', 'no object'],
    ['bad base64', '{"then": [{"type": "put", "key": "a", "valueBase64": "?"}]}', 'base64'],
    ['an operation that there is not', '{"then": [{"type": "pt", "key": "a"}]}', 'pt'],
  ])('refuses %s before anything is sent', async (_, input, message) => {
    const { code, err } = await command(['txn', '-'], { ...sharedMemory(), input });
    expect(code).toBe(2);
    expect(err).toContain(message);
  });

  test('is refused where the backend can not do it', async () => {
    const then = ['/t/a', '/t/b'].map((key) => ({ type: 'put', key, value: '1' }));
    const { code } = await command(['txn', '-'], { ...on('etcd-v2'), input: JSON.stringify({ then }) });
    expect(code).toBe(2);
  });
});
