export { files, type FilesAdapterOptions } from './files-adapter.js';
export { filesStore, type FilesConnectOptions, type FilesStore } from './files-store.js';
export type { FilesStoreOptions } from './options.js';
export type { FileProblem } from './folder/problem.js';
export type { ListedProblem } from './live/problem-list.js';
