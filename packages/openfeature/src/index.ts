export { type Flag, toFlag } from './flag.js';
export type { GivenMirrorOptions, HoldfastProviderOptions, OwnMirrorOptions } from './options.js';
export { HoldfastProvider } from './provider.js';
