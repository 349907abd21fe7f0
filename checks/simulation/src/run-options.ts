import type { ConfigStore } from '@holdfast/store';

export interface RunOptions {
  readonly trace?: ((line: string) => void) | undefined;
  /** Clients accept another identity after this long, in milliseconds. Default: never. For mutants. */
  readonly acceptAfterMs?: number | undefined;
  /** Wraps the clients' store. For mutants. */
  readonly wrapStore?: ((store: ConfigStore) => ConfigStore) | undefined;
}
