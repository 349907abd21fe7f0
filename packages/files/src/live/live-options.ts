import type { Settings } from '../options.js';

export interface LiveOptions extends Settings {
  /** Files with longer keys are problems. */
  readonly maxKeyBytes: number;
}
