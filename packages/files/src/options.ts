import { resolve } from 'node:path';
import {
  checkClock,
  checkFlag,
  checkMs,
  checkNames,
  checkWhole,
  invalidArgument,
  safeLogger,
  type CreateStoreOptions,
} from '@holdfast/adapter-kit';
import type { Clock, Logger } from '@holdfast/store';
import { MAX_FILE_BYTES } from './folder/read-folder.js';

export interface FilesStoreOptions extends CreateStoreOptions {
  /** A folder in the folder format, or one `.yaml`, `.yml` or `.json` file with many entries. Relative to the working directory. */
  readonly path: string;
  /** Whether the store writes. A file with many entries can only be read. Default: `false`. */
  readonly writable?: boolean | undefined;
  /** The longest wait before the store looks again where no file system tells of a change, in milliseconds. Default: 1,000. */
  readonly pollMs?: number | undefined;
  /** How long a file must stay the same before it is read, in milliseconds: it may be half written. Default: 50. */
  readonly settleMs?: number | undefined;
  /** Larger files are problems. Default: 1.5 MiB; of a file with many entries, 16 MiB. */
  readonly maxFileBytes?: number | undefined;
  /** How many of the latest changes are kept for watches that resume. A watch that is further behind reads anew. Default: 10,000. */
  readonly historyEvents?: number | undefined;
  /** The clock for these waits. Default: the system's. */
  readonly clock?: Clock | undefined;
}

const OWN = ['path', 'writable', 'pollMs', 'settleMs', 'maxFileBytes', 'historyEvents'] as const;
const OPTIONS: readonly string[] = [...OWN, 'clock', 'logger', 'timeoutMs', 'bufferBytes'];
const MAX_ENTRIES_BYTES = 16 * 1024 * 1024;

/** The options, checked and complete. */
export interface Settings {
  /** Absolute. */
  readonly path: string;
  readonly writable: boolean;
  readonly pollMs: number;
  readonly settleMs: number;
  /** The most bytes of a file that is one entry. */
  readonly maxFileBytes: number;
  /** The most bytes of a file that has many. */
  readonly maxEntriesBytes: number;
  readonly historyEvents: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** @throws StoreError `invalid-argument` */
export function toSettings(options: FilesStoreOptions): Settings {
  checkNames(options, OPTIONS, 'filesStore()');
  const { path, pollMs = 1_000, settleMs = 50, maxFileBytes, historyEvents = 10_000, clock, logger } = options;
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw invalidArgument('path must name a folder, or a file with entries, such as /etc/app');
  }
  const given = maxFileBytes === undefined ? undefined : checkWhole(maxFileBytes, 'maxFileBytes', 'bytes');
  return {
    path: resolve(path),
    writable: checkFlag({ writable: options.writable }, 'writable'),
    pollMs: checkMs(pollMs, 'pollMs'),
    settleMs: checkMs(settleMs, 'settleMs'),
    maxFileBytes: given ?? MAX_FILE_BYTES,
    maxEntriesBytes: given ?? MAX_ENTRIES_BYTES,
    historyEvents: checkWhole(historyEvents, 'historyEvents', 'events'),
    clock: checkClock(clock),
    logger: safeLogger(logger),
  };
}
