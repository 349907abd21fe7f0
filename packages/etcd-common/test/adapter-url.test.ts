import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { etcdAdapter, resolveEtcdOptions, type EtcdOptions, type OptionRules } from '@holdfast/etcd-common';
import { memoryStore } from '@holdfast/memory';
import { openStore, type StoreError } from '@holdfast/store';
import { certificateAuthority } from '@holdfast/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';

const RULES: OptionRules = {
  taker: 'etcdStore()',
  own: [],
  headers: { allows: () => true, made: 'anything' },
  maxResponseBytes: 1_000,
};
/** The options of the stores that were opened. */
const opened: EtcdOptions[] = [];
const adapter = etcdAdapter<EtcdOptions>({
  scheme: 'etcd',
  name: 'etcd',
  open: (options) => {
    resolveEtcdOptions(options, RULES);
    opened.push(options);
    return memoryStore();
  },
  check: (options) => resolveEtcdOptions(options, RULES),
});

const authority = certificateAuthority();
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-url-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  opened.length = 0;
});

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return encodeURIComponent(path);
}

async function open(url: string, options: object = {}, own: Parameters<typeof adapter.with>[0] = {}) {
  const store = await openStore(url, { adapters: [adapter.with(own)], ...options });
  await store.close();
  return opened.at(-1)!;
}

async function refusal(url: string, own: Parameters<typeof adapter.with>[0] = {}): Promise<StoreError> {
  const error = await open(url, {}, own).then(
    () => undefined,
    (reason: unknown) => reason as StoreError,
  );
  expect(error).toMatchObject({ code: 'invalid-argument' });
  expect(opened).toEqual([]);
  return error!;
}

const tlsOf = ({ tls }: EtcdOptions) => (typeof tls === 'function' ? tls() : tls);
const userOf = ({ auth }: EtcdOptions) => (typeof auth === 'function' ? auth() : auth);

describe('the URL of an etcd store', () => {
  test('without parameters: plain connections, nobody', async () => {
    expect(await open('etcd://a:1,b:2/app')).toEqual({ endpoints: ['http://a:1', 'http://b:2'] });
  });

  test.each(['tls=true', 'serverName=etcd.internal'])('%s secures the connections', async (param) => {
    expect(await open(`etcd://a:1?${param}`)).toMatchObject({ endpoints: ['https://a:1'] });
  });

  test('options of the adapter secure them too', async () => {
    const tls = { ca: authority.cert };
    expect(await open('etcd://a:1', {}, { tls })).toMatchObject({ endpoints: ['https://a:1'], tls });
  });

  test('files that it names are read again: certificates and passwords are renewed in place', async () => {
    const warn = jest.fn();
    const [first, second] = [authority.issue('app'), authority.issue('app')];
    const url = `etcd://app@a:1?cert=${file('c', first.cert)}&key=${file('k', first.key)}&passwordFile=${file('p', 'one\n')}`;
    const options = await open(url, { logger: { ...console, warn } });
    expect(tlsOf(options)).toMatchObject(first);
    expect(userOf(options)).toEqual({ username: 'app', password: 'one' });

    // In the middle of a rotation: the certificate is the new one, and the key still the old one.
    file('c', second.cert);
    expect(tlsOf(options)).toMatchObject(first);
    rmSync(join(folder, 'p'));
    expect(userOf(options)).toEqual({ username: 'app', password: 'one' });
    expect(warn.mock.calls.map(([message]) => message)).toEqual([
      expect.stringMatching(/TLS files.*read before/),
      expect.stringMatching(/password file.*read before.*ENOENT/),
    ]);

    file('k', second.key);
    expect(tlsOf(options)).toMatchObject(second);
    file('p', 'two\r\n');
    expect(userOf(options)).toEqual({ username: 'app', password: 'two' });
  });

  test('what openStore is given holds where the adapter has nothing of its own', async () => {
    const options = await open('etcd://a:1', { timeoutMs: 5, logger: console });
    expect(options).toMatchObject({ timeouts: { requestMs: 5 }, logger: { warn: expect.any(Function) } });
    const own = await open(
      'etcd://a:1',
      { timeoutMs: 5 },
      { timeouts: { requestMs: 7, connectMs: 9 }, logger: console },
    );
    expect(own).toMatchObject({ timeouts: { requestMs: 7, connectMs: 9 }, logger: console });
    expect(await open('etcd://a:1', { timeoutMs: 5 }, { timeouts: { connectMs: 9 } })).toMatchObject({
      timeouts: { requestMs: 5, connectMs: 9 },
    });
  });

  test.each<[url: string, said: RegExp]>([
    ['etcd://', /at least one host/],
    ['etcd://a:1?tsl=true', /no parameter "tsl"; it takes prefix, tls, ca, cert, key, serverName, passwordFile/],
    ['etcd://a:1?tls=yes', /tls .* is true or false/],
    ['etcd://a:1?tls=true&tls=true', /parameter tls twice/],
    ['etcd://a:1?ca=', /parameter ca .* empty/],
    ['etcd://a:1?tls=false&serverName=x', /tls=false.*serverName/],
    ['etcd://a:1?ca=/no/such/file', /"\/no\/such\/file" of the parameter ca .*ENOENT/],
    [`etcd://a:1?ca=${encodeURIComponent(__filename)}`, /PEM/],
    ['etcd://a:1?cert=x', /cert but not key/],
    ['etcd://a:1?key=x', /key but not cert/],
    ['etcd://app@a:1', /no password.*passwordFile=FILE.*etcd\.with\(\)/],
    ['etcd://a:1?passwordFile=x', /no user.*etcd:\/\/USER@host/],
    ['etcd://app:s3cret@a:1?passwordFile=x', /password and a passwordFile/],
    ['etcd://app@a:1?passwordFile=/no/such/file', /passwordFile .*ENOENT/],
  ])('%s is refused', async (url, said) => {
    const { message } = await refusal(url);
    expect(message).toMatch(said);
    expect(message).not.toContain('s3cret');
  });

  test('a file that holds nothing of use is refused, and never repeated', async () => {
    expect((await refusal(`etcd://app@a:1?passwordFile=${file('empty', '\n')}`)).message).toMatch(/empty/);
    const { cert } = authority.issue('app');
    const other = authority.issue('app').key;
    const { message } = await refusal(`etcd://a:1?cert=${file('c', cert)}&key=${file('k', other)}`);
    expect(message).toMatch(/fit together/);
    expect(message).not.toContain('BEGIN');
  });

  test.each<[url: string, own: Parameters<typeof adapter.with>[0], said: RegExp]>([
    [
      'etcd://app:s3cret@a:1',
      { auth: { username: 'app', password: 's3cret' } },
      /a user, and the adapter the option auth/,
    ],
    ['etcd://a:1?serverName=x', { tls: { ca: authority.cert } }, /serverName, and the adapter the option tls/],
    ['etcd://a:1?tls=false', { tls: { ca: authority.cert } }, /tls=false/],
  ])('%s and an option that says the same are one too many', async (url, own, said) => {
    const { message } = await refusal(url, own);
    expect(message).toMatch(said);
    expect(message).not.toContain('s3cret');
  });
});

describe('with()', () => {
  test.each<[unknown, RegExp]>([
    [undefined, /takes an object/],
    [null, /takes an object/],
    ['etcd://a:1', /takes an object/],
    [{ endpoints: ['http://a:1'] }, /they are in the URL/],
    [{ tsl: {} }, /no option "tsl"/],
    [{ auth: { user: 'x' } }, /auth has no option "user"/],
    [{ timeouts: { requestMs: -1 } }, /timeouts\.requestMs/],
  ])('refuses %p at once', (options, said) => {
    expect(() => adapter.with(options as never)).toThrow(said);
  });

  test('leaves the adapter that it was called on as it is', async () => {
    adapter.with({ auth: { username: 'app', password: 'x' } });
    expect(await open('etcd://a:1')).toEqual({ endpoints: ['http://a:1'] });
  });
});
