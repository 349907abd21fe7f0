import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { memoryStore } from '@holdfast/memory';
import { StoreError } from '@holdfast/store';
import { DelegatingDriver, GuardedStore, type DriverWatch } from '@holdfast/store/adapter';
import { certificateAuthority, startEtcd, type Etcd } from '@holdfast/testkit';
import { clockFindings } from '../../src/doctor/clock.js';
import { endpointFindings } from '../../src/doctor/endpoints.js';
import { securityOf, tlsFindings } from '../../src/doctor/tls.js';
import { command, jsonLines, sharedMemory, startCommand, type CommandOptions } from '../support/command.js';

interface Report {
  readonly found: number;
  readonly checks: readonly {
    readonly check: string;
    readonly level: string;
    readonly text: string;
    readonly next?: string;
  }[];
}

const folder = mkdtempSync(join(tmpdir(), 'holdfast-check-'));
const DAY_MS = 86_400_000;
let etcd: Etcd;
let secured: Etcd;

beforeAll(async () => {
  const authority = certificateAuthority();
  writeFileSync(join(folder, 'ca.pem'), authority.cert);
  writeFileSync(join(folder, 'other.pem'), certificateAuthority('Somebody else').cert);
  [etcd, secured] = await Promise.all([
    startEtcd({ version: '3.5', enableV2: true }),
    startEtcd({
      version: '3.6',
      clusterToken: 'another',
      tls: authority.issue('etcd', undefined, Date.now() + 10 * DAY_MS),
    }),
  ]);
});

afterAll(async () => {
  await Promise.all([etcd.close(), secured.close()]);
  rmSync(folder, { recursive: true });
});

const host = (server: Etcd) => server.endpoints[0]!.replace(/^https?:\/\//, '');
const on = (url: string): CommandOptions => ({ env: { HOLDFAST_STORE: url }, cwd: folder });

async function report(options: CommandOptions, ...args: string[]): Promise<Report & { code: number }> {
  const { code, out } = await command(['check', '--json', ...args], options);
  const [parsed] = jsonLines(out) as unknown as [Report];
  expect(code).toBe(parsed.found > 0 ? 1 : 0);
  return { ...parsed, code };
}

/** How long a read takes is the machine's matter. */
const problems = ({ checks }: Report) =>
  checks.filter(({ check, level }) => level === 'problem' && check !== 'latency');
const of = ({ checks }: Report, name: string) => checks.filter(({ check }) => check === name).map(({ text }) => text);

describe('a store that is well', () => {
  test.each([
    ['memory', () => sharedMemory(), ['endpoint', 'alarms', 'reads', 'latency', 'history', 'progress']],
    ['etcd-v3', () => on(`etcd-v3://${host(etcd)}`), []],
    ['etcd-v2', () => on(`etcd-v2://${host(etcd)}`), []],
  ])('on %s: exit code 0', async (name, options, all) => {
    const found = await report(options());
    expect(problems(found)).toEqual([]);
    expect(found.code).toBe(0);
    const etcds = ['endpoint', 'members', 'alarms', 'TLS', 'clock', 'auth', 'reads', 'latency', 'history', 'progress'];
    expect(found.checks.map(({ check }) => check)).toEqual(all.length === 0 ? etcds : all);
    expect(of(found, 'endpoint')[0]).toContain(`${name} `);
    const { code, out, err } = await command(['check'], options());
    expect(code).toBe(0);
    expect(out).toMatch(/^ok\tendpoint\t/);
    expect(err).toContain('Found no problem');
  });

  test('a terminal gets a line for each finding, and what to change below it', async () => {
    const shared = sharedMemory();
    const { out } = await command(['check'], { ...shared, terminal: 40, env: { ...shared.env, NO_COLOR: '1' } });
    expect(out).toContain('ok progress  a watch begins');
  });
});

describe('what is wrong is found, with what to change', () => {
  test('an endpoint that does not answer, and one of another store', async () => {
    const down = await report(on(`etcd-v3://${host(etcd)},127.0.0.1:1`), '--timeout', '30');
    expect(problems(down)).toMatchObject([
      { check: 'endpoint', text: expect.stringContaining('127.0.0.1:1'), next: expect.any(String) },
    ]);
    await using other = await startEtcd({ version: '3.5', clusterToken: 'yet another' });
    const mixed = await report(on(`etcd-v3://${host(etcd)},${host(other)}`), '--timeout', '30');
    expect(problems(mixed).map(({ text }) => text)).toContainEqual(expect.stringContaining('2 different stores'));
  });

  test('an alarm, and how to end it', async () => {
    const { members } = await etcd.api<{ members: { ID: string }[] }>('cluster/member/list', {});
    const alarm = { memberID: members[0]!.ID, alarm: 'NOSPACE' };
    await etcd.api('maintenance/alarm', { action: 'ACTIVATE', ...alarm });
    const found = await report(on(`etcd-v3://${host(etcd)}`));
    await etcd.api('maintenance/alarm', { action: 'DEACTIVATE', ...alarm });
    expect(problems(found)).toMatchObject([
      { check: 'alarms', text: expect.stringContaining('NOSPACE'), next: expect.stringContaining('alarm disarm') },
    ]);
  });

  test('a certificate that ends soon, is over, or is not accepted', async () => {
    const soon = await report(on(`etcd-v3://${host(secured)}?ca=${join(folder, 'ca.pem')}`));
    expect(problems(soon)).toContainEqual({
      check: 'TLS',
      level: 'problem',
      text: expect.stringMatching(/its certificate expires in (9|10) days/),
      next: 'Renew it.',
    });
    expect(of(soon, 'TLS')).toContainEqual(expect.stringContaining('the authority in'));
    const strange = await report(on(`etcd-v3://${host(secured)}?ca=${join(folder, 'other.pem')}`));
    expect(problems(strange).map(({ check }) => check)).toEqual(['endpoint', 'TLS', 'TLS']);
    const address = {
      url: '',
      scheme: 'etcd-v3',
      label: '',
      endpoints: [],
      hasUser: false,
      params: new URLSearchParams({ ca: join(folder, 'ca.pem') }),
    };
    const options = { now: Date.now() + 20 * DAY_MS, timeoutMs: 30_000, signal: new AbortController().signal };
    const [later] = await tlsFindings([host(secured)], address, await securityOf(address), options);
    expect(later).toMatchObject({ level: 'problem', text: expect.stringContaining('has expired') });
    const [plain] = await tlsFindings(['db1:2379'], address, { isTls: false, options: {} }, options);
    expect(plain).toMatchObject({ level: 'problem', next: expect.stringContaining('TLS') });
  });

  test.each([
    [75_000, 'behind'],
    [-75_000, 'ahead of'],
  ])('a clock that is apart by %d ms', async (apart, how) => {
    const wallClock = () => Date.now() + apart;
    const options = { timeoutMs: 30_000, wallClock, signal: new AbortController().signal };
    const [found] = await clockFindings([host(etcd)], { isTls: false, options: {} }, options);
    expect(found).toMatchObject({ level: 'problem', text: expect.stringMatching(new RegExp(`7[456] s ${how}`)) });
  });

  test('users: none where one is needed, a wrong one, and a user beside an open door', async () => {
    await using guarded = await startEtcd({ version: '3.6' });
    const env = (more: Record<string, string> = {}) => ({
      env: { HOLDFAST_STORE: `etcd-v3://${host(guarded)}`, ...more },
    });
    const open = await report(env({ HOLDFAST_PASSWORD: 'right' }), '--user', 'root');
    expect(problems(open)).toMatchObject([{ check: 'auth', text: expect.stringContaining('without a user') }]);
    await guarded.ctl('user', 'add', 'root:right');
    await guarded.ctl('user', 'grant-role', 'root', 'root');
    await guarded.ctl('auth', 'enable');
    const none = await report(env());
    expect(problems(none).map(({ check }) => check)).toContain('auth');
    const wrong = await report(env({ HOLDFAST_PASSWORD: 'wrong' }), '--user', 'root');
    expect(problems(wrong).length).toBeGreaterThan(0);
    const right = await report(env({ HOLDFAST_PASSWORD: 'right' }), '--user', 'root');
    expect(problems(right)).toEqual([]);
    expect(of(right, 'auth')).toEqual(['the store asks for a user, and knows this one']);
  });

  test('versions, members and a missing leader', () => {
    const status = {
      revision: 5,
      identity: 'a',
      members: [],
      raftTerm: 2,
      sizeBytes: 1,
      leader: '1',
    } as never as object;
    const answer = (more: object) => ({ endpoint: 'a:1', ms: 1, status: { ...status, ...more } as never });
    const texts = (...each: object[]) =>
      endpointFindings('etcd-v3', each.map(answer))
        .filter(({ level }) => level === 'problem')
        .map(({ check }) => check);
    expect(texts({ version: '3.5.30' }, { version: '3.6.1' })).toEqual(['version']);
    expect(texts({ version: '3.5.1' })).toEqual(['version']);
    expect(texts({ leader: undefined })).toEqual(['leader']);
    expect(texts({ revision: 1 }, { revision: 1_500 })).toEqual(['endpoint']);
    const member = (id: string) => ({ id, endpoints: [`http://${id}`] });
    expect(texts({ members: [member('a'), member('b')] })).toEqual(['members']);
    expect(texts({ members: [member('a'), member('b'), { id: 'c', endpoints: [] }] })).toEqual(['members']);
  });

  test('a watch that does not get through, and a short history', async () => {
    class Deaf extends DelegatingDriver {
      override watch(...[, , sink]: Parameters<DelegatingDriver['watch']>): DriverWatch {
        sink.fail(new StoreError('unavailable', 'cut by a proxy'));
        return { close: () => Promise.resolve(), resume: () => undefined };
      }
    }
    const below = memoryStore();
    for (let each = 0; each < 200; each += 1) await below.put('a', String(each));
    await below.compact(190);
    const deaf = await report(sharedMemory(new GuardedStore(new Deaf(below))));
    expect(problems(deaf)).toMatchObject([{ check: 'progress', next: expect.stringContaining('proxies') }]);
    expect(of(deaf, 'history')[0]).toContain('11 revisions are kept, from 190 to 201');
  });
});

test('a store that is down is a finding, and a signal ends the examination', async () => {
  const down = await report(on('etcd-v3://127.0.0.1:1'), '--timeout', '0.5');
  expect(problems(down)).toMatchObject([{ check: 'endpoint' }]);
  const running = startCommand(['check'], on('etcd-v3://127.0.0.1:1'));
  await new Promise((resolve) => setImmediate(resolve));
  running.signal('SIGINT');
  expect(await running.code).toBe(130);
  expect((await command(['check'])).code).toBe(2);
});
