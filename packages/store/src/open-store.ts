import { createRequire } from 'node:module';
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkMs, checkNames, invalid } from './check-options.js';
import type { ConfigStore } from './config-store.js';
import { DelegatingDriver } from './delegate.js';
import { GuardedStore } from './guarded-store.js';
import { safeLogger, type Logger } from './logger.js';
import { packagesFor, suggestionFor } from './store-schemes.js';
import { parseStoreUrl, schemeOf, type StoreUrl } from './store-url.js';
import { isThenable } from './thenable.js';
import { withPrefix } from './with-prefix.js';

/** What an adapter package exports beside its own function, so that `openStore` can open it. */
export interface StoreAdapter {
  /** The URL scheme, such as `etcd-v3`. */
  readonly scheme: string;
  /** Other schemes that mean the same, such as `postgresql` for `postgres`. */
  readonly aliases?: readonly string[];
  /**
   * Whose the path of a URL is: with `'own'` the adapter's, such as a folder; with `'prefix'` (the default) it is the prefix of keys,
   * which `openStore` applies. `?prefix=` is the prefix in every URL.
   */
  readonly path?: 'own' | 'prefix';
  /**
   * Opens the store. The adapter reads all of the URL but the prefix. It may read files, and connects with the first call.
   *
   * @param options those of {@link openStore} that are for every store. The adapter's own come before them.
   */
  open(url: StoreUrl, options: AdapterOpenOptions): ConfigStore | Promise<ConfigStore>;
}

/** An adapter that takes options of its own: `etcdV3.with({ tls, auth })`. */
export interface ConfigurableAdapter<Options> extends StoreAdapter {
  /** The same adapter with options. They add to earlier ones, and replace those of the same name. */
  with(options: Options): ConfigurableAdapter<Options>;
}

/** What {@link openStore} hands to an adapter. */
export interface AdapterOpenOptions {
  readonly logger?: Logger | undefined;
  /** The most milliseconds that a call may take if it sets no `timeoutMs` itself. */
  readonly timeoutMs?: number | undefined;
}

export interface OpenStoreOptions {
  /**
   * The adapters to choose from, with their options: `[etcdV3.with({ tls }), memory]`. Without them, `openStore` looks for the
   * adapter's package by the URL's scheme.
   */
  readonly adapters?: readonly StoreAdapter[] | undefined;
  /** Whose installed packages to look in: the caller's `import.meta.url` or `__filename`. Default: the working directory. */
  readonly from?: string | URL | undefined;
  /** Where the store reports what goes wrong. Default: nowhere. */
  readonly logger?: Logger | undefined;
  /** The most milliseconds that a call may take if it sets no `timeoutMs` itself. Default: no limit. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Opens a store by URL: `memory:`, `etcd-v3://host:2379,host2:2379/prefix`. A path is a prefix: the result is then
 * `withPrefix(store, '/prefix')`, and closing it closes the store below too.
 *
 * @throws StoreError `invalid-argument` for a malformed URL, or if no adapter fits: it names the package to install.
 */
export async function openStore(url: string, options: OpenStoreOptions = {}): Promise<ConfigStore> {
  checkNames(options, ['adapters', 'from', 'logger', 'timeoutMs'], 'openStore()');
  const { adapters, from = pathToFileURL(`${process.cwd()}/`), timeoutMs } = options;
  const logger = options.logger === undefined ? undefined : safeLogger(options.logger);
  if (timeoutMs !== undefined) checkMs(timeoutMs, 'timeoutMs');
  const scheme = schemeOf(url);
  const adapter =
    adapters === undefined
      ? await loadAdapter(scheme, checkFrom(from))
      : chooseAdapter(scheme, checkAdapters(adapters));
  const parsed = parseStoreUrl(url, adapter.path);
  const store = limited(adapter, await adapter.open(parsed, { logger, timeoutMs }), { logger, timeoutMs });
  try {
    return parsed.prefix === undefined ? store : withPrefix(store, parsed.prefix, { owned: true });
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** An adapter whose `open` takes nothing but the URL was written before there were options. What is limited then is a view. */
function limited(adapter: StoreAdapter, store: ConfigStore, options: AdapterOpenOptions): ConfigStore {
  if (adapter.open.length > 1 || (options.logger ?? options.timeoutMs) === undefined) return store;
  return new GuardedStore(new DelegatingDriver(store, { owned: true }), options);
}

function checkAdapters(adapters: unknown): readonly StoreAdapter[] {
  if (!Array.isArray(adapters)) throw invalid('adapters must be an array, such as [memory]');
  adapters.forEach((adapter: unknown, index) => {
    if (isAdapter(adapter)) return;
    const is = isThenable(adapter)
      ? 'a promise: await it, and take the adapter from what it gives'
      : typeof adapter === 'function'
        ? `the function ${adapter.name || 'without a name'}: a package exports the adapter beside it, such as memory beside memoryStore`
        : 'no adapter: a package exports it under its own name, such as memory or etcdV3';
    throw invalid(`adapters[${index}] is ${is}`);
  });
  return adapters as readonly StoreAdapter[];
}

function chooseAdapter(scheme: string, adapters: readonly StoreAdapter[]): StoreAdapter {
  const adapter = adapters.find((candidate) => opens(candidate, scheme));
  if (adapter !== undefined) return adapter;
  const known = adapters.map((candidate) => candidate.scheme).join(', ') || 'none';
  throw invalid(
    `no adapter for the URL scheme "${scheme}:" was given to openStore (adapters: ${known})${suggestionFor(scheme)}`,
  );
}

function checkFrom(from: unknown): string | URL {
  if (from instanceof URL || (typeof from === 'string' && (isAbsolute(from) || from.startsWith('file:')))) return from;
  throw invalid('from must be import.meta.url, __filename or another absolute path: where the adapter is looked for');
}

/** The adapter of an installed package that is named after the scheme. */
async function loadAdapter(scheme: string, from: string | URL): Promise<StoreAdapter> {
  const origin = from instanceof URL || !isAbsolute(from) ? from : pathToFileURL(from);
  const require = createRequire(origin);
  const names = packagesFor(scheme);
  for (const name of names) {
    const found = resolve(require, name);
    if (found === undefined) continue;
    const adapter = Object.values((await load(require, name, found)) as object).find(
      (candidate): candidate is StoreAdapter => isAdapter(candidate) && opens(candidate, scheme),
    );
    if (adapter !== undefined) return adapter;
    throw invalid(`the package ${name} exports no adapter for the URL scheme "${scheme}:"`);
  }
  const suggestion = suggestionFor(scheme);
  throw invalid(
    `no package is installed for the URL scheme "${scheme}:" (looked for ${names.join(' and ')} from ${String(origin)})` +
      (suggestion || `: run "npm install ${names[0]}", or pass { adapters: […] }, or correct the scheme`),
  );
}

function resolve(require: NodeJS.Require, name: string): string | undefined {
  try {
    return require.resolve(name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

async function load(require: NodeJS.Require, name: string, path: string): Promise<unknown> {
  try {
    return require(name);
  } catch (error) {
    // The package has ES modules only, and this Node.js can't require() them.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_REQUIRE_ESM') throw error;
    return import(pathToFileURL(path).href);
  }
}

function opens({ scheme, aliases = [] }: StoreAdapter, wanted: string): boolean {
  return scheme === wanted || aliases.includes(wanted);
}

function isAdapter(value: unknown): value is StoreAdapter {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as StoreAdapter).scheme === 'string' &&
    typeof (value as StoreAdapter).open === 'function'
  );
}
