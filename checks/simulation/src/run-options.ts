import type { ConfigStore } from '@holdfast/store';

export interface RunOptions {
  readonly trace?: ((line: string) => void) | undefined;
  /** Clients accept another identity after so long, which they never do unless they are told to. For mutants. */
  readonly acceptAfterMs?: number | undefined;
  /** Something between the clients and their adapter, for mutants. */
  readonly wrapStore?: ((store: ConfigStore) => ConfigStore) | undefined;
}
