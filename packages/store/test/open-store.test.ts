import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openStore, type StoreAdapter } from '@holdfast/store';
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
