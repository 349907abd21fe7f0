import type { Loaded } from './loaders.js';

export interface Closable {
  close(): Promise<void> | void;
}

export type LoadPrefix = (prefix: string) => Promise<Loaded>;

/** What a store, or its peer, is asked to do. What it can't do is not measured. */
export interface Contender extends Closable {
  /** Reads a prefix into memory, from an unconnected client on. */
  readonly load: LoadPrefix;
  /** The same with every value parsed. */
  readonly loadParsed: LoadPrefix;
  /** Writes, and resolves when that is durable. */
  readonly put?: (key: string, value: string) => Promise<unknown>;
  /** Notes each change below a prefix. Resolves when it will see every later one. */
  readonly listen?: (prefix: string, arrivals: { note(value: unknown): void }) => Promise<Closable>;
  /** Opens what then does nothing: a store with a mirror. */
  readonly rest?: () => Promise<Closable>;
}
