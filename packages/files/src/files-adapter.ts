import { invalidArgument, urlParams } from '@holdfast/adapter-kit';
import type { ConfigurableAdapter } from '@holdfast/store';
import { filesStore } from './files-store.js';
import type { FilesStoreOptions } from './options.js';

/** The options of a files store that are not in its URL. */
export type FilesAdapterOptions = Omit<FilesStoreOptions, 'path'>;

/** Opens `files:` URLs with `openStore`, such as `files:/etc/app?prefix=routes/` or `files:./config.yaml`. `?writable=true` opens a folder for writing. */
export const files: ConfigurableAdapter<FilesAdapterOptions> = filesAdapter({});

function filesAdapter(own: FilesAdapterOptions): ConfigurableAdapter<FilesAdapterOptions> {
  return {
    scheme: 'files',
    path: 'own',
    open: (url, { logger, timeoutMs }) => {
      if (url.endpoints.length > 0) {
        throw invalidArgument('a files: URL names no host; write files:/etc/app for a folder, with one slash');
      }
      if (url.path === '') throw invalidArgument('a files: URL names a folder or a file, such as files:/etc/app');
      const { writable } = urlParams(url, ['writable'], 'files.with() takes all options');
      if (writable !== undefined && writable !== 'true' && writable !== 'false') {
        throw invalidArgument('the parameter writable of a files: URL is true or false');
      }
      return filesStore({
        ...(logger !== undefined && { logger }),
        ...(timeoutMs !== undefined && { timeoutMs }),
        ...(writable !== undefined && { writable: writable === 'true' }),
        ...own,
        path: url.path,
      });
    },
    with: (options) => {
      // Checks them now, where a mistake is made, and not when a URL is opened.
      filesStore({ ...options, path: '.' });
      return filesAdapter({ ...own, ...options });
    },
  };
}
