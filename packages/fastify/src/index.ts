export type { Holdfast, HoldfastHealth, HoldfastMirrors } from './holdfast.js';
export type { FastifyTools, HoldfastPluginOptions, OpenMirror, PluginMirror, ReadinessOptions } from './options.js';
export { holdfast } from './plugin.js';
