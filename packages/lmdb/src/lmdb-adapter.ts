import type { AdapterOpenOptions, ConfigurableAdapter, StoreUrl } from '@holdfast/store';
import { invalidArgument, urlParams } from '@holdfast/store/adapter';
import { lmdbStore } from './lmdb-store.js';
import { resolveOptions, type LmdbStoreOptions } from './options.js';

/** The options that a URL leaves open. */
export type LmdbAdapterOptions = Omit<LmdbStoreOptions, 'path'>;

/** Opens `lmdb:./data` and `lmdb:/var/lib/app?prefix=/app/` with `openStore`. `lmdb.with({ … })` takes the options of {@link lmdbStore}. */
export const lmdb: ConfigurableAdapter<LmdbAdapterOptions> = lmdbAdapter({});

function lmdbAdapter(own: LmdbAdapterOptions): ConfigurableAdapter<LmdbAdapterOptions> {
  return {
    scheme: 'lmdb',
    path: 'own',
    open: (url, { logger, timeoutMs }: AdapterOpenOptions) =>
      lmdbStore({
        ...(logger !== undefined && { logger }),
        ...(timeoutMs !== undefined && { timeoutMs }),
        ...own,
        ...fromUrl(url),
      }),
    with: (options) => {
      // Checks them now, where a mistake is made, and not when a URL is opened.
      resolveOptions({ ...own, ...options, path: '.' });
      return lmdbAdapter({ ...own, ...options });
    },
  };
}

function fromUrl(url: StoreUrl): Pick<LmdbStoreOptions, 'path' | 'sync'> {
  if (url.endpoints.length > 0) {
    throw invalidArgument(
      `an lmdb: URL names a folder of this machine, and no host: write lmdb:./data or lmdb:/var/lib/data, without two slashes`,
    );
  }
  if (url.path === '') throw invalidArgument('an lmdb: URL needs the folder of the store, such as lmdb:./data');
  const { sync } = urlParams(url, ['sync'], 'lmdb.with() takes all options');
  if (sync === undefined) return { path: url.path };
  if (sync !== 'always' && sync !== 'batched') {
    throw invalidArgument(`the parameter sync of an lmdb: URL is always or batched, not ${JSON.stringify(sync)}`);
  }
  return { path: url.path, sync };
}
