import { checkNames, GuardedStore } from '@holdfast/adapter-kit';
import { StoreError } from '@holdfast/store';
import { filesCapabilities, MAX_KEY_BYTES } from './capabilities.js';
import { FilesDriver } from './files-driver.js';
import { LiveFiles } from './live/live-files.js';
import type { ListedProblem } from './live/problem-list.js';
import { toSettings, type FilesStoreOptions, type Settings } from './options.js';

/** The options that may differ between handles on the same files. */
export type FilesConnectOptions = Pick<FilesStoreOptions, 'timeoutMs' | 'bufferBytes' | 'logger'>;

/**
 * A folder of YAML, JSON and other files, or one file with many entries, as a store: live, and read only unless `writable` is set.
 *
 * Revisions begin anew with each `filesStore()`: its identity is another one, and bookmarks of before are `history-changed`.
 */
export class FilesStore extends GuardedStore {
  readonly #files: LiveFiles;
  readonly #driver: FilesDriver;
  readonly #settings: Settings;
  readonly #options: FilesStoreOptions;

  private constructor(files: LiveFiles, settings: Settings, options: FilesStoreOptions) {
    const driver = new FilesDriver(files, filesCapabilities(settings), settings);
    super(driver, { ...options, clock: settings.clock, logger: options.logger });
    this.#driver = driver;
    this.#files = files;
    this.#settings = settings;
    this.#options = options;
  }

  /** @internal Use {@link filesStore}. */
  static create(options: FilesStoreOptions): FilesStore {
    const settings = toSettings(options);
    return new FilesStore(new LiveFiles({ ...settings, maxKeyBytes: MAX_KEY_BYTES }), settings, options);
  }

  /**
   * The files that are no entries, though they look like ones, as of the last look: half written, with a key twice, of a name that is no key.
   * Where such a file was an entry before, its last good value stays.
   */
  problems(): readonly ListedProblem[] {
    return this.#files.problems.all;
  }

  /** Makes another handle on the same files, with its own watches, and its own `close()`. Revisions are the same on both. */
  connect(options: FilesConnectOptions = {}): FilesStore {
    checkNames(options, ['timeoutMs', 'bufferBytes', 'logger'], 'connect()');
    if (this.#driver.isClosed) throw new StoreError('closed', 'the store was closed; connect() before closing');
    return new FilesStore(this.#files, this.#settings, { ...this.#options, ...options });
  }
}

/**
 * Makes a store of a folder in the folder format, or of one file with many entries. It reads nothing before the first call.
 *
 * @throws StoreError `invalid-argument`
 */
export function filesStore(options: FilesStoreOptions): FilesStore {
  return FilesStore.create(options);
}
