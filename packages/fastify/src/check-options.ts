import { StoreError } from '@holdfast/store';
import { checkNames, checkStore, quoted } from '@holdfast/store/adapter';
import type { HoldfastPluginOptions, PluginMirror } from './options.js';

const PLUGIN = '@holdfast/fastify';
/** Those of `register()` itself, which Fastify hands on. */
const OF_FASTIFY = ['prefix', 'logLevel', 'logSerializers', 'encapsulate'];

/** @throws StoreError `invalid-argument`: a misspelt option must not be a route that is missing */
export function checkOptions(options: HoldfastPluginOptions): void {
  const { store, mirrors, readiness } = checkNames(options, ['store', 'mirrors', 'readiness', ...OF_FASTIFY], PLUGIN);
  if (store === undefined) throw invalid(`give ${PLUGIN} a store, or a function that opens one`);
  if (typeof store !== 'function') checkStore(store, PLUGIN, 'as its option store');
  for (const [name, open] of Object.entries(checkNamed(mirrors))) {
    if (typeof open !== 'function')
      throw invalid(`mirrors.${name} must be a function that opens a mirror: (store, tools) => mirror(…)`);
  }
  if (readiness === undefined) return;
  const path =
    typeof readiness === 'string' ? readiness : checkNames(readiness, ['path', 'maxStaleMs'], 'readiness')['path'];
  if (typeof path !== 'string' || !path.startsWith('/'))
    throw invalid('readiness must be a path such as /readyz, or { path, maxStaleMs }');
}

function checkNamed(mirrors: unknown): object {
  if (mirrors === undefined) return {};
  if (typeof mirrors === 'object' && mirrors !== null && !Array.isArray(mirrors)) return mirrors;
  throw invalid('mirrors must be an object with a function for each mirror, by its name');
}

/** @throws StoreError `invalid-argument` if the function of a mirror has given something else */
export function checkMirror(name: string, given: unknown): asserts given is PluginMirror {
  const { health, close } = (given ?? {}) as Partial<PluginMirror>;
  if (typeof health === 'function' && typeof close === 'function') return;
  throw invalid(
    `the function for the mirror ${quoted(name)} gives no mirror: return what mirror(store, { ...tools, prefix }) gives`,
  );
}

function invalid(message: string): StoreError {
  return new StoreError('invalid-argument', message);
}
