// cspell:ignore Fmine gett
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { memoryStore } from '@holdfast/memory';
import { StoreError, type StoreAdapter } from '@holdfast/store';
import { DelegatingDriver, GuardedStore, type DriverCall } from '@holdfast/store/adapter';
import { storeAddress } from '../../src/store/store-address.js';
import { VERSION } from '../../src/version.js';
import { command, jsonLines, sharedMemory, startCommand } from '../support/command.js';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-frame-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const address = (flags: object, env: Record<string, string> = {}, ask?: (user: string) => Promise<string>) =>
  storeAddress({ timeout: 30, ...flags }, { env, cwd: '/here' }, ask);

/** An adapter whose stores can't be opened for this reason. */
const failing = (error: Error): StoreAdapter => ({
  scheme: 'memory',
  open: () => {
    throw error;
  },
});

describe('the store', () => {
  test('has no default: without one the exit code is 2, with the next step', async () => {
    const { code, out, err } = await command(['get', 'a']);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toBe(
      'holdfast: no store is named, and there is no default one.\n' +
        'Name one with --store or HOLDFAST_STORE, such as etcd-v3://127.0.0.1:2379, or etcd-v2://127.0.0.1:2379 for ' +
        "etcd's v2 keys API.\n",
    );
  });

  test("is not taken from etcdctl's endpoints, which do not say which API is meant; the next step repeats them", async () => {
    const { code, err } = await command(['get', 'a'], { env: { ETCDCTL_ENDPOINTS: 'http://db1:2379,db2:2379' } });
    expect(code).toBe(2);
    expect(err).toContain('etcd-v3://db1:2379,db2:2379');
  });

  test('is named by the option before the variable, before or behind the command', async () => {
    const { adapters } = sharedMemory();
    const env = { HOLDFAST_STORE: 'nowhere:' };
    expect((await command(['list', '--all', '--store', 'memory:'], { env, adapters })).code).toBe(0);
    expect((await command(['--store', 'memory:', 'list', '--all'], { env, adapters })).code).toBe(0);
  });

  test('is named without its password and parameters', async () => {
    const { url, label } = await address({ store: 'etcd-v3://root:pa%40ss@db1:2379,db2:2379/app/?ca=/ca.pem' });
    expect(label).toBe('etcd-v3://db1:2379,db2:2379/app/');
    expect(url).toBe('etcd-v3://root:pa%40ss@db1:2379,db2:2379/app/?ca=%2Fca.pem');
  });

  test('may be of an adapter that is installed for the working directory', async () => {
    const adapter = join(folder, 'node_modules', 'holdfast-elsewhere');
    mkdirSync(adapter, { recursive: true });
    writeFileSync(join(adapter, 'package.json'), '{ "name": "holdfast-elsewhere", "main": "index.js" }');
    writeFileSync(
      join(adapter, 'index.js'),
      'exports.elsewhere = { scheme: "elsewhere", open: () => { throw Object.assign(new Error("opened here")); } };',
    );
    const { err } = await command(['get', 'a', '--store', 'elsewhere:'], { cwd: folder });
    expect(err).toContain('opened here');
    const missing = await command(['get', 'a', '--store', 'not-there:'], { cwd: folder });
    expect(missing.code).toBe(2);
    expect(missing.err).toContain('npm install @holdfast/not-there');
  });
});

describe('TLS and users', () => {
  const store = 'etcd-v3://db:2379';

  test('come from options', async () => {
    const flags = {
      store,
      cacert: 'ca.pem',
      cert: 'c.pem',
      key: 'k.pem',
      serverName: 'db',
      user: 'root',
      passwordFile: 'pw',
    };
    const { url } = await address(flags);
    const query = new URLSearchParams(url.split('?')[1]);
    expect(Object.fromEntries(query)).toEqual({
      ca: '/here/ca.pem',
      cert: '/here/c.pem',
      key: '/here/k.pem',
      serverName: 'db',
      passwordFile: '/here/pw',
    });
    expect(url).toContain('etcd-v3://root@db:2379?');
  });

  test("come from etcdctl's variables, for etcd alone, and behind what the URL says", async () => {
    const env = { ETCDCTL_CACERT: '/ca', ETCDCTL_CERT: '/c', ETCDCTL_KEY: '/k', ETCDCTL_USER: 'me:a:b' };
    const { url } = await address({ store }, env);
    expect(url).toBe('etcd-v3://me:a%3Ab@db:2379?ca=%2Fca&cert=%2Fc&key=%2Fk');
    expect((await address({ store: 'memory:' }, env)).url).toBe('memory:');
    expect((await address({ store: `${store}?tls=false` }, { ETCDCTL_CACERT: '/ca' })).url).toBe(`${store}?tls=false`);
    expect((await address({ store: `${store}?ca=/mine` }, { ETCDCTL_CACERT: '/ca' })).url).toBe(`${store}?ca=%2Fmine`);
    expect((await address({ store: 'etcd-v3://you:pw@db' }, env)).url).toContain('//you:pw@db?');
  });

  test('have the password from a file, a variable or a question, in this order', async () => {
    const flags = { store, user: 'me' };
    const asked = await address(flags, {}, async (user) => `of ${user}`);
    expect(asked.url).toBe('etcd-v3://me:of%20me@db:2379');
    expect((await address(flags, { ETCDCTL_PASSWORD: 'x' })).url).toBe('etcd-v3://me:x@db:2379');
    expect((await address(flags, { ETCDCTL_PASSWORD: 'x', HOLDFAST_PASSWORD: 'y' })).url).toBe(
      'etcd-v3://me:y@db:2379',
    );
    const file = await address({ ...flags, passwordFile: '/pw' }, { HOLDFAST_PASSWORD: 'y' });
    expect(file.url).toBe('etcd-v3://me@db:2379?passwordFile=%2Fpw');
    expect((await address({ store: 'etcd-v3://me@db' }, { HOLDFAST_PASSWORD: 'y' })).url).toBe('etcd-v3://me:y@db');
  });

  test.each([
    ['no password', { store, user: 'me' }, 'has no password'],
    ['a user twice', { store: 'etcd-v3://a:b@db', user: 'me' }, '--user is given, and the store'],
    ['an authority twice', { store: `${store}?ca=/a`, cacert: 'b' }, '--cacert is given, and the store'],
    ['a password file without a user', { store, passwordFile: 'pw' }, '--password-file needs a user'],
    ['a password and its file', { store: 'etcd-v3://a:b@db', passwordFile: 'pw' }, 'a password and a password file'],
  ])('are refused with %s', async (_, flags, message) => {
    await expect(address(flags)).rejects.toThrow(message);
  });
});

describe('the exit code', () => {
  const shared = sharedMemory();
  const run = (...args: string[]) => command(args, shared);

  test('is 0 for what is done: an empty list and a delete of nothing too', async () => {
    expect((await run('put', 'a', '1')).code).toBe(0);
    expect((await run('list', 'nothing/')).code).toBe(0);
    expect((await run('delete', 'nothing')).code).toBe(0);
    expect((await run('--help')).code).toBe(0);
    expect(await run('--version')).toMatchObject({ code: 0, out: `${VERSION}\n` });
    const manifest = readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8');
    expect(VERSION).toBe((JSON.parse(manifest) as { version: string }).version);
  });

  test('is 1 for an answer that is "no"', async () => {
    const { code, out, err } = await run('get', 'nothing/');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toBe(
      'holdfast: there is no key "nothing/" in memory:.\n' +
        'If you mean the keys below it, run "holdfast list nothing/".\n',
    );
  });

  test.each([
    ['no command', [], 'Run "holdfast --help"'],
    ['an unknown command', ['gett'], 'Did you mean get?'],
    ['an unknown option', ['get', 'a', '--jsn'], 'Did you mean --json?'],
    ['a missing argument', ['get'], 'Run "holdfast get --help"'],
    ['a bad number', ['get', 'a', '--revision', '1.5'], 'a whole number from 1'],
    ['a bad time-out', ['get', 'a', '--timeout', 'soon'], 'such as 30'],
    ['a bad key', ['get', ''], 'key'],
    ['an empty prefix', ['list'], '--all'],
    ['what the store can not do', ['put', 'a', '1', '--if-absent', '--if-present'], 'one guard'],
  ])('is 2 for %s', async (_, args, text) => {
    const { code, out, err } = await run(...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(text);
  });

  test('is 0 for a read that nobody reads on, and not for a guard that does not hold', async () => {
    const some = { ...sharedMemory(), closed: true };
    await some.store.put('a', '1');
    expect((await command(['list', '--all'], some)).code).toBe(0);
    for (const flags of [[], ['--json']]) {
      expect((await command(['put', 'a', '2', '--if-absent', ...flags], some)).code).toBe(5);
      expect((await command(['delete', 'a', '--if-value', '2', ...flags], some)).code).toBe(5);
      const input = '{"if": [{"key": "a", "target": "version", "op": "=", "value": 0}], "then": []}';
      expect((await command(['txn', '-', ...flags], { ...some, input })).code).toBe(5);
    }
  });

  test('is 3 for a store that is not there', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const { code, err } = await command(['get', 'a', '--store', `etcd-v3://127.0.0.1:${port}`, '--timeout', '0.2']);
    expect(code).toBe(3);
    expect(err).toContain(String(port));
  });

  test('is 4 for another refusal', async () => {
    await shared.store.compact((await shared.store.put('a', '2')).revision);
    const { code, err } = await run('get', 'a', '--revision', '1');
    expect(code).toBe(4);
    expect(err).toContain('Name a later revision');
  });

  test('is 5 for a guard that does not hold', async () => {
    const { code, err } = await run('put', 'a', '3', '--if-absent');
    expect(code).toBe(5);
    expect(err).toContain('nothing was changed: the guard for the key "a" in memory: does not hold');
  });

  test('is 70 for a bug, with what a report needs', async () => {
    const { env } = shared;
    const { code, err } = await command(['get', 'a'], { env, adapters: [failing(new TypeError('x of undefined'))] });
    expect(code).toBe(70);
    expect(err).toMatch(/TypeError: x of undefined\n +at .*\nPlease report this/s);
    const lying = failing(new StoreError('internal', 'two leaders', { retryable: true }));
    expect((await command(['get', 'a'], { env, adapters: [lying] })).code).toBe(4);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('is that of %s: %i', async (signal, code) => {
    const watch = startCommand(['watch', '--all'], shared);
    watch.signal(signal);
    expect(await watch.code).toBe(code);
    expect(watch.err).toBe('');
  });
});

describe('a command that is misused', () => {
  test.each([
    ['an argument is missing', ['--store', 'etcd-v3://root:secret@db', 'get'], 'holdfast get --help'],
    ['an argument is missing behind a user', ['--user', 'root:secret', 'lease', 'show'], 'holdfast lease show --help'],
    ['a URL is in place of the command', ['etcd-v3://root:secret@db', 'get', 'a'], 'holdfast --help'],
    ['an option is misspelt', ['get', 'a', '--users=root:secret'], 'holdfast get --help'],
  ])('never repeats a secret: %s', async (_, args, help) => {
    for (const flags of [[], ['--json']]) {
      const { code, out, err } = await command([...args, ...flags]);
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(err).toContain(help);
      expect(err).not.toContain('secret');
    }
  });
});

describe('a password', () => {
  const flags = ['--store', 'memory:', '--user', 'me'];

  test('is asked for before a value is read from the same input', async () => {
    const { store, adapters } = sharedMemory();
    const running = startCommand(['put', 'a', '-', ...flags], { adapters, terminal: 80 });
    await running.shows('Password of me: ');
    running.type('hush\r');
    await running.shows('Password of me: \n');
    running.type('value');
    running.end();
    expect(await running.code).toBe(0);
    expect(Buffer.from((await store.get('a'))?.value ?? []).toString()).toBe('value');
  });

  test('that does not come before the end of the input is told', async () => {
    const { adapters } = sharedMemory();
    const running = startCommand(['get', 'a', ...flags], { adapters, terminal: 80 });
    running.type('hu');
    running.end();
    expect(await running.code).toBe(2);
    expect(running.err).toContain('the input ended before there was a password');
  });
});

describe('with --json', () => {
  test.each([
    ['of the store', ['get', 'a', '--revision', '99'], 'future-revision'],
    ['of the arguments', ['get'], 'invalid-argument'],
    ['of an answer', ['get', 'a'], 'not-found'],
  ])('an error %s is one line of JSON on standard error', async (_, args, code) => {
    const { out, err } = await command([...args, '--json'], sharedMemory());
    expect(out).toBe('');
    const lines = jsonLines(err);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ name: 'StoreError', code, retryable: false });
    expect(typeof lines[0]?.['next']).toBe('string');
  });

  test('a write that a signal stops is told as JSON', async () => {
    class Hanging extends DelegatingDriver {
      override put(_key: string, _value: Uint8Array, _options: object, { signal }: DriverCall): Promise<never> {
        setImmediate(() => {
          running.signal('SIGINT');
        });
        return new Promise((_, reject) => {
          signal?.addEventListener('abort', () => {
            reject(new StoreError('aborted', 'stopped', { outcome: 'unknown' }));
          });
        });
      }
    }
    const hanging = sharedMemory(new GuardedStore(new Hanging(memoryStore())));
    const running = startCommand(['put', 'a', '1', '--json'], hanging);
    expect(await running.code).toBe(130);
    expect(jsonLines(running.err)).toMatchObject([{ code: 'aborted', outcome: 'unknown' }]);
  });

  test('standard error has no prose', async () => {
    const shared = sharedMemory();
    for (const key of ['a/1', 'a/2']) await shared.store.put(key, '1');
    expect((await command(['list', 'a/', '--limit', '1', '--json'], shared)).err).toBe('');
    expect((await command(['delete', 'a/', '--json'], shared)).err).toBe('');
    const { err } = await command(['delete', '--prefix', 'a/', '--yes', '--json'], shared);
    expect(jsonLines(err)).toEqual([{ willDelete: { store: 'memory:', count: 2, keys: ['a/1', 'a/2'] } }]);
  });

  test('a key called --json is not the option', async () => {
    const { err } = await command(['get', '--', '--json'], sharedMemory());
    expect(err).toContain('there is no key "--json"');
  });
});
