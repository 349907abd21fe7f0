import { StoreError } from '@holdfast/store';
import { checkNames, checkStore, quoted } from '@holdfast/store/adapter';
import type { HoldfastPluginOptions, PluginMirror } from './options.js';

const PLUGIN = '@holdfast/fastify';
/** Options of `register()` itself. Fastify hands them on. */
const OF_FASTIFY = ['prefix', 'logLevel', 'logSerializers'];

/** @throws StoreError `invalid-argument`: a misspelt option must not be a route that is missing */
export function checkOptions(options: HoldfastPluginOptions): void {
  const given = checkNames(options, ['store', 'mirrors', 'readiness', ...OF_FASTIFY], PLUGIN);
  const { store, mirrors, readiness, prefix } = given;
  if (store === undefined) throw invalid(`give ${PLUGIN} a store, or a function that opens one`);
  if (typeof store !== 'function') checkStore(store, PLUGIN, 'as its option store');
  for (const [name, open] of Object.entries(checkNamed(mirrors))) {
    if (typeof open !== 'function')
      throw invalid(`mirrors.${name} must be a function that opens a mirror: (store, tools) => mirror(…)`);
  }
  if (prefix !== undefined && typeof prefix !== 'string') throw invalid('prefix must be a path such as /v1');
  if (readiness !== undefined) checkReadiness(readiness);
}

function checkReadiness(readiness: unknown): void {
  const { path, maxStaleMs = Infinity } =
    typeof readiness === 'string' ? { path: readiness } : checkNames(readiness, ['path', 'maxStaleMs'], 'readiness');
  if (typeof path !== 'string' || !path.startsWith('/'))
    throw invalid('readiness must be a path such as /readyz, or { path, maxStaleMs }');
  if (typeof maxStaleMs !== 'number' || !(maxStaleMs >= 0))
    throw invalid('readiness.maxStaleMs must be a number of milliseconds from 0, or be left out');
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
