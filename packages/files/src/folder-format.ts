// The folder format, without a store: for what writes such folders, and compares them.
export { EXTENSIONS, isStructured, type FileExtension } from './format/extensions.js';
export { keyOfFile, pathOf, pathsOf, type EntryName, type FileKey } from './format/paths.js';
export { fileOfValue, isSameValue, valueOfFile, type FileContent, type FileValue } from './format/values.js';
export type { FolderEntry } from './folder/entry.js';
export type { FileProblem } from './folder/problem.js';
export { readFolder, type FolderContent, type ReadFolderOptions } from './folder/read-folder.js';
