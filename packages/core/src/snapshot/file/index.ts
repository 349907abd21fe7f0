export { fileSnapshot, type FileSnapshotOptions } from './file-snapshot.js';
export {
  readSnapshot,
  type SnapshotContent,
  type SnapshotEntry,
  type SnapshotFacts,
  type SnapshotProblem,
} from './read-snapshot.js';
export type { FileFacts, FileSystem, OpenFile } from './file-system.js';
