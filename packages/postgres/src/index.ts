export { postgres, type PostgresAdapterOptions } from './postgres-adapter.js';
export { postgresStore } from './postgres-store.js';
export type {
  PostgresClient,
  PostgresHistory,
  PostgresPool,
  PostgresStoreOptions,
  PostgresTimeouts,
} from './options.js';
export type { PostgresTls } from './target.js';
