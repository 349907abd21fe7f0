import { StoreError } from '@holdfast/store';
import { checkNames, checkStore, quoted } from '@holdfast/store/adapter';
import type { ModuleMirror } from './options.js';

const MODULE = 'HoldfastModule';

/** @throws StoreError `invalid-argument`: a misspelt option must not be a provider that is missing */
export function checkProviders(options: unknown, call: string, more: readonly string[]): void {
  const { name, mirrors = {}, isGlobal } = checkNames(options, ['name', 'mirrors', 'isGlobal', ...more], call);
  if (name !== undefined && (typeof name !== 'string' || name === ''))
    throw invalid('name must be a text, or be left out');
  if (isGlobal !== undefined && typeof isGlobal !== 'boolean') throw invalid('isGlobal must be true or false');
  if (typeof mirrors !== 'object' || mirrors === null || Array.isArray(mirrors)) {
    throw invalid('mirrors must be an object with a function for each mirror, by its name');
  }
  for (const [name, open] of Object.entries(mirrors)) {
    if (typeof open !== 'function')
      throw invalid(`mirrors.${name} must be a function that opens a mirror: (store, tools) => mirror(…)`);
  }
}

/** @throws StoreError `invalid-argument` without a store, or a function that opens one */
export function checkStoreOption(options: unknown): void {
  const { store } = (options ?? {}) as { readonly store?: unknown };
  if (store === undefined) throw invalid(`give ${MODULE} a store, or a function that opens one`);
  if (typeof store !== 'function') checkStore(store, MODULE, 'as its option store');
}

/** @throws StoreError `invalid-argument` if the function of a mirror has given something else */
export function checkMirror(name: string, given: unknown): asserts given is ModuleMirror {
  const { health, close } = (given ?? {}) as Partial<ModuleMirror>;
  if (typeof health === 'function' && typeof close === 'function') return;
  throw invalid(
    `the function for the mirror ${quoted(name)} gives no mirror: return what mirror(store, { ...tools, prefix }) gives`,
  );
}

function invalid(message: string): StoreError {
  return new StoreError('invalid-argument', message);
}
