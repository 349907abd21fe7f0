// The folder format, without a store: for what writes such folders, and compares them.
export { EXTENSIONS, isStructured, type FileExtension } from './format/extensions.js';
export { keyOfFile, pathOf, pathsOf, type EntryName, type FileKey } from './format/paths.js';
export { fileOfValue, isSameValue, valueOfFile, type FileContent, type FileValue } from './format/values.js';
export {
  readFolder,
  type FileProblem,
  type FolderContent,
  type FolderEntry,
  type ReadFolderOptions,
} from './folder/read-folder.js';
