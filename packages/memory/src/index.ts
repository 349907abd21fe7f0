export { memory } from './memory-adapter.js';
export { memoryStore, type ConnectOptions, type MemoryStore, type MemoryStoreOptions } from './memory-store.js';
export type { MemorySnapshot, RestoreOptions, SnapshotChange } from './engine/snapshot.js';
