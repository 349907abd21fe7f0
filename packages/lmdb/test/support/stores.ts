import { lmdbStore, type LmdbStoreOptions } from '@holdfast/lmdb';
import { type ConfigStore, isStoreError, type StoreError } from '@holdfast/store';

const opened: ConfigStore[] = [];

/** A store that looks often for what other processes did. {@link closeStores} closes it. */
export function openIn(path: string, options: Partial<LmdbStoreOptions> = {}): ConfigStore {
  const store = lmdbStore({ path, pollMs: 100, ...options });
  opened.push(store);
  return store;
}

export async function closeStores(): Promise<void> {
  for (const store of opened) await store.close();
}

export async function errorOf(doing: Promise<unknown>): Promise<StoreError> {
  const error: unknown = await doing.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isStoreError(error)) throw new Error(`it was to fail with a StoreError: ${String(error)}`);
  return error;
}
