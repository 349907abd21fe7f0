import { createRequire } from 'node:module';
import { join } from 'node:path';
import { openStore, type ConfigStore, type StoreAdapter } from '@holdfast/store';
import type { Io } from '../terminal/io.js';
import type { StoreAddress } from './store-address.js';

/** The adapters that the command brings along. Each is loaded only when it is used. */
const BROUGHT: Readonly<Record<string, () => Promise<StoreAdapter>>> = {
  memory: async () => (await import('@holdfast/memory')).memory,
  files: async () => (await import('@holdfast/files')).files,
  'etcd-v3': async () => (await import('@holdfast/etcd-v3')).etcdV3,
  'etcd-v2': async () => (await import('@holdfast/etcd-v2')).etcdV2,
};

/** Opens a store: with an adapter that the command brings along, or one installed for the working directory, or one beside the command. */
export async function openAddress(
  { url, scheme }: StoreAddress,
  { adapters = [], cwd, self }: Pick<Io, 'adapters' | 'cwd' | 'self'>,
  timeoutMs: number,
): Promise<ConfigStore> {
  const given = adapters.find((adapter) => adapter.scheme === scheme);
  const brought = given ?? (Object.hasOwn(BROUGHT, scheme) ? await BROUGHT[scheme]?.() : undefined);
  if (brought !== undefined) return openStore(url, { adapters: [brought], timeoutMs });
  const here = join(cwd, 'package.json');
  const from = hasAdapter(here, scheme) || !hasAdapter(self, scheme) ? here : self;
  return openStore(url, { from, timeoutMs });
}

/** Whether a package with the adapter can be loaded from a file. */
function hasAdapter(file: string, scheme: string): boolean {
  const require = createRequire(file);
  return [`@holdfast/${scheme}`, `holdfast-${scheme}`].some((name) => {
    try {
      return require.resolve(name) !== '';
    } catch {
      return false;
    }
  });
}
