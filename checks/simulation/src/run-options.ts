import type { ConfigStore } from '@holdfast/store';

export interface RunOptions {
  readonly trace?: ((line: string) => void) | undefined;
  /** Something between the clients and their adapter, for mutants. */
  readonly wrapStore?: ((store: ConfigStore) => ConfigStore) | undefined;
}
