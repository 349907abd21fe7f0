export { lmdb, type LmdbAdapterOptions } from './lmdb-adapter.js';
export { lmdbStore, type LmdbStore } from './lmdb-store.js';
export type { HistoryOptions, LmdbStoreOptions } from './options.js';
