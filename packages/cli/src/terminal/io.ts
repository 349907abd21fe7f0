import type { Readable, Writable } from 'node:stream';
import type { StoreAdapter } from '@holdfast/store';

export type Signal = 'SIGINT' | 'SIGTERM';

export interface OutputStream extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface InputStream extends Readable {
  readonly isTTY?: boolean;
  setRawMode?(mode: boolean): unknown;
}

/** Everything that a command has of its process. Tests hand in their own. */
export interface Io {
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The working directory. Files, and the packages of other adapters, are looked up from here. */
  readonly cwd: string;
  /** The command's own file. Adapters that are installed beside it are looked up from here. */
  readonly self: string;
  /** Calls `listener` for each signal. Returns a function that ends it. */
  onSignal(listener: (signal: Signal) => void): () => void;
  /** Imports a module by its file's name, and gives its exports. */
  readonly importModule: (file: string) => Promise<unknown>;
  /** Adapters that come before the installed ones. */
  readonly adapters?: readonly StoreAdapter[];
}

/** How many columns there are for a line; `undefined` where no person reads it. */
export function widthOf(stream: OutputStream): number | undefined {
  return stream.isTTY === true ? Math.max(stream.columns ?? 80, 20) : undefined;
}
