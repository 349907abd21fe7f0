import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { json, mirror } from '@holdfast/core';
import { filesStore } from '@holdfast/files';
import { eventually } from '@holdfast/testkit';

// A mirror of a mounted ConfigMap: what an application on Kubernetes has.

const parent = mkdtempSync(join(tmpdir(), 'holdfast-files-mirror-'));
afterAll(() => {
  rmSync(parent, { recursive: true, force: true });
});

const names = ['limits', 'routes', 'upstreams', 'users'];

/** As the kubelet does: a new folder, and a link to it renamed over `..data`; then the old folder goes. */
function swap(mount: string, version: number): void {
  const folder = `..2024_${version}`;
  mkdirSync(join(mount, folder));
  for (const name of names) writeFileSync(join(mount, folder, `${name}.yaml`), `version: ${version}\n`);
  symlinkSync(folder, join(mount, '..data_tmp'));
  renameSync(join(mount, '..data_tmp'), join(mount, '..data'));
  rmSync(join(mount, `..2024_${version - 1}`), { recursive: true, force: true });
}

test('a mirror of a ConfigMap never shows a mix of two versions, and loses nothing while its mount is gone', async () => {
  const mount = join(parent, 'config');
  mkdirSync(mount);
  swap(mount, 1);
  const store = filesStore({ path: mount, pollMs: 50 });
  const config = await mirror<{ version: number }>(store, { prefix: '', codec: json() });
  const shown = () => new Set([...config.values()].map(({ value }) => value.version));
  const mixed: unknown[] = [];
  const look = () => {
    if (shown().size !== 1 || config.size !== names.length) mixed.push([...config.values()]);
  };
  config.on('change', look);
  for (let version = 2; version <= 30; version += 1) {
    swap(mount, version);
    await new Promise((resolve) => setTimeout(resolve, (version * 7) % 17));
    look();
  }
  await eventually(() => expect([...shown()]).toEqual([30]));
  renameSync(mount, `${mount}.away`);
  await eventually(() => expect(config.state.connection).toBe('interrupted'));
  look();
  renameSync(`${mount}.away`, mount);
  swap(mount, 31);
  await eventually(() => expect([config.state.connection, ...shown()]).toEqual(['connected', 31]));
  await config.sync();
  expect(mixed).toEqual([]);
  await config.close();
  await store.close();
});
