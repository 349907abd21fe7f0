import type { Change, CommonOptions, Mirror } from '@holdfast/core';
import type { ConfigStore } from '@holdfast/store';
import type { Flag } from './flag.js';

/** Opens a mirror of flags of its own, and closes it with the provider. Other options are those of `mirror()`. */
export interface OwnMirrorOptions extends Omit<CommonOptions<Change<Flag>>, 'signal'> {
  /** It stays the caller's: the provider never closes it. */
  readonly store: ConfigStore;
  /** Where the flags are: the key of a flag is the prefix and the flag's name. */
  readonly prefix: string;
  readonly mirror?: undefined;
}

/** Shows the flags of a mirror that the caller has opened with `toFlag` as its `transform`, and closes. */
export interface GivenMirrorOptions {
  readonly mirror: Mirror<Flag>;
  readonly store?: undefined;
  readonly prefix?: undefined;
}

export type HoldfastProviderOptions = OwnMirrorOptions | GivenMirrorOptions;
