import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { memoryStore } from '@holdfast/memory';
import {
  openStore,
  silentLogger,
  StoreError,
  type AdapterOpenOptions,
  type StoreAdapter,
  type StoreUrl,
} from '@holdfast/store';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createStore } from '@holdfast/store/adapter';
import { ScriptDriver } from './support/script-driver.js';
import { thrown } from './support/thrown.js';

describe('openStore with adapters', () => {
  test('opens by scheme', async () => {
    const store = await openStore('script:', { adapters: [adapter()] });
    expect(store.name).toBe('script');
  });

  test('a path is a prefix, and closing the view closes the store', async () => {
    const driver = new ScriptDriver();
    const store = await openStore('script://h:1/app', { adapters: [adapter(driver)] });
    await store.put('/k', 'v');
    expect(driver.calls[0]?.slice(0, 2)).toEqual(['put', '/app/k']);
    await store.close();
    expect(driver.events).toContain('driver closed');
  });

  test('an unknown scheme names the ones there are', async () => {
    const error = await thrown(() => openStore('etcd-v4://a', { adapters: [adapter()] }));
    expect(error).toMatchObject({ code: 'invalid-argument' });
    expect(error.message).toMatch(/"etcd-v4:".*adapters: script/);
  });
});

describe('what openStore hands on', () => {
  test.each([['script:'], ['other:']])('%s: an alias opens the same', async (url) => {
    const store = await openStore(url, { adapters: [{ ...adapter(), aliases: ['other'] }] });
    expect(store.name).toBe('script');
  });

  test('the logger and the time-out, to the adapter', async () => {
    const open = jest.fn((_url: StoreUrl, _options: AdapterOpenOptions) => createStore(new ScriptDriver()));
    const logger = { ...silentLogger };
    const own: StoreAdapter = { scheme: 'script', open: (url, options) => open(url, options) };
    await openStore('script:', { adapters: [own], logger, timeoutMs: 300 });
    expect(open.mock.calls[0]?.[1]).toMatchObject({ timeoutMs: 300, logger: { warn: expect.any(Function) } });
  });

  test('an adapter that knows no options is limited all the same', async () => {
    class Hanging extends ScriptDriver {
      override list(): Promise<never> {
        return new Promise(() => undefined);
      }
    }
    const driver = new Hanging();
    const old: StoreAdapter = { scheme: 'script', open: (_url) => createStore(driver) };
    const store = await openStore('script:', { adapters: [old], timeoutMs: 50 });
    expect(await thrown(() => store.list({ prefix: '' }))).toMatchObject({ code: 'timeout' });
    await store.close();
    expect(driver.events).toContain('driver closed');
  });

  test('an open that takes its time is awaited', async () => {
    const slow: StoreAdapter = { scheme: 'slow', open: async () => Promise.resolve(createStore(new ScriptDriver())) };
    const store = await openStore('slow:/app', { adapters: [slow] });
    expect(await store.get('x')).toBeUndefined();
    expect(
      await thrown(() =>
        openStore('slow:', {
          adapters: [{ ...slow, open: () => Promise.reject(new StoreError('conflict', 'locked')) }],
        }),
      ),
    ).toMatchObject({ code: 'conflict' });
  });

  test("a path that is the adapter's own is no prefix, and ?prefix= is one", async () => {
    const driver = new ScriptDriver();
    const urls: StoreUrl[] = [];
    const folder: StoreAdapter = {
      scheme: 'folder',
      path: 'own',
      open: (url) => (urls.push(url), createStore(driver)),
    };
    const store = await openStore('folder:./data?prefix=/app', { adapters: [folder] });
    await store.put('/k', 'v');
    expect(driver.calls[0]?.slice(0, 2)).toEqual(['put', '/app/k']);
    expect(urls).toMatchObject([{ path: './data', prefix: '/app', href: 'folder:./data?prefix=/app' }]);
    expect((await openStore('folder:/data', { adapters: [folder] })).name).toBe('script');
  });

  test('a store whose prefix can not be is not left open', async () => {
    const driver = new ScriptDriver();
    const refused = await thrown(() => openStore('script:/\ud800', { adapters: [adapter(driver)] }));
    expect(refused).toMatchObject({ code: 'invalid-argument' });
    expect(driver.events).toContain('driver closed');
  });
});

describe('what openStore refuses, and says instead', () => {
  test.each<[unknown, RegExp]>([
    [null, /openStore\(\) takes an object/],
    ['memory', /openStore\(\) takes an object/],
    [{ adapter: [] }, /no option "adapter"; it takes adapters, from, logger, timeoutMs/],
    [{ adapters: adapter() }, /adapters must be an array, such as \[memory\]/],
    [{ adapters: null }, /adapters must be an array/],
    [{ adapters: [memoryStore] }, /adapters\[0\] is the function memoryStore: .*memory beside memoryStore/],
    [{ adapters: [adapter(), memoryStore()] }, /adapters\[1\] is no adapter/],
    [{ adapters: [undefined] }, /adapters\[0\] is no adapter/],
    [{ adapters: [Promise.resolve(adapter())] }, /adapters\[0\] is a promise: await it/],
    [{ adapters: [adapter()], timeoutMs: '5' }, /timeoutMs/],
    [{ adapters: [adapter()], logger: 'console' }, /logger must be an object/],
    [{ from: 5 }, /from must be import\.meta\.url/],
    [{ from: './app.js' }, /from must be import\.meta\.url/],
  ])('%p', async (options, said) => {
    expect(await thrown(() => openStore('script:', options as never))).toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(said),
    });
  });

  test.each([
    ['etcd://root:s3cret@h:2379', /etcd-v3:\/\/host:2379 .*etcd-v2:/],
    ['http://root:s3cret@h:2379', /etcd-v3:\/\/host:2379/],
    ['https://h:2379', /etcd-v3:\/\/host:2379.*\?tls=true/],
    ['etcd3://h', /etcd-v3:/],
    ['localhost:2379', /etcd-v3:/],
    ['mem:', /memory:/],
  ])('%s: the URL that may be meant', async (url, said) => {
    for (const options of [{ adapters: [adapter()] }, { from: __filename }]) {
      const { message, code } = await thrown(() => openStore(url, options));
      expect(code).toBe('invalid-argument');
      expect(message).toMatch(said);
      expect(message).not.toContain('s3cret');
    }
  });
});

describe('openStore by installed package', () => {
  let folder = '';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-open-'));
    await install('@holdfast/good', `exports.good = { scheme: 'good', open: (url) => ({ opened: url.endpoints }) };`);
    await install('holdfast-theirs', `exports.theirs = { scheme: 'theirs', open: () => ({ opened: 'theirs' }) };`);
    await install('@holdfast/empty', `exports.nothing = 1;`);
  });

  afterAll(() => rm(folder, { recursive: true }));

  async function install(name: string, source: string): Promise<void> {
    const place = join(folder, 'node_modules', name);
    await mkdir(place, { recursive: true });
    await writeFile(join(place, 'package.json'), JSON.stringify({ name, version: '1.0.0', main: 'index.js' }));
    await writeFile(join(place, 'index.js'), source);
  }

  test.each([
    () => pathToFileURL(join(folder, 'app.js')),
    () => pathToFileURL(join(folder, 'app.js')).href,
    () => join(folder, 'app.js'),
  ])('finds the adapter from where the caller is: %p', async (from) => {
    expect(await openStore('good://a:1', { from: from() })).toEqual({ opened: ['a:1'] });
  });

  test("takes other people's adapters by their package name", async () => {
    expect(await openStore('theirs:', { from: join(folder, 'app.js') })).toEqual({ opened: 'theirs' });
  });

  // Jest finds this workspace's package of that name, wherever it is looked for. Its store connects when it is first called.
  test('takes an alias', async () => {
    const store = await openStore('postgresql://user@127.0.0.1:1/db', { from: join(folder, 'app.js') });
    expect(store.capabilities).toMatchObject({ transactions: 'multi-key' });
    await store.close();
  });

  test('says which package to install', async () => {
    const error = await thrown(() => openStore('missing:', { from: join(folder, 'app.js') }));
    expect(error.message).toContain('npm install @holdfast/missing');
  });

  test('says so when the package has no such adapter', async () => {
    const error = await thrown(() => openStore('empty:', { from: join(folder, 'app.js') }));
    expect(error.message).toContain('@holdfast/empty exports no adapter');
  });
});

function adapter(driver = new ScriptDriver()): StoreAdapter {
  return { scheme: 'script', open: () => createStore(driver) };
}
