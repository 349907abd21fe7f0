import { createRequire } from 'node:module';
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ConfigStore } from './config-store.js';
import { StoreError } from './errors.js';
import { parseStoreUrl, type StoreUrl } from './store-url.js';
import { withPrefix } from './with-prefix.js';

/** What an adapter package exports beside its own function, so that `openStore` can open it. */
export interface StoreAdapter {
  /** The URL scheme, such as `etcd-v3`. */
  readonly scheme: string;
  /** Opens the store, without I/O. The adapter reads all of the URL but the prefix, which `openStore` applies. */
  open(url: StoreUrl): ConfigStore;
}

export interface OpenStoreOptions {
  /** The adapters to choose from. Without them, `openStore` looks for the adapter's package by the URL's scheme. */
  readonly adapters?: readonly StoreAdapter[];
  /** Whose installed packages to look in: the caller's `import.meta.url` or `__filename`. Default: the working directory. */
  readonly from?: string | URL;
}

/**
 * Opens a store by URL: `memory:`, `etcd-v3://host:2379,host2:2379/prefix`. A path is a prefix: the result is then
 * `withPrefix(store, '/prefix')`, and closing it closes the store below too.
 *
 * @throws StoreError `invalid-argument` for a malformed URL, or if no adapter fits: it names the package to install.
 */
export async function openStore(url: string, options: OpenStoreOptions = {}): Promise<ConfigStore> {
  const parsed = parseStoreUrl(url);
  const adapter = options.adapters
    ? chooseAdapter(parsed.scheme, options.adapters)
    : await loadAdapter(parsed.scheme, options.from ?? pathToFileURL(`${process.cwd()}/`));
  const store = adapter.open(parsed);
  return parsed.prefix === undefined ? store : withPrefix(store, parsed.prefix, { owned: true });
}

function chooseAdapter(scheme: string, adapters: readonly StoreAdapter[]): StoreAdapter {
  const adapter = adapters.find((candidate) => candidate.scheme === scheme);
  if (adapter !== undefined) return adapter;
  const known = adapters.map((candidate) => candidate.scheme).join(', ') || 'none';
  throw new StoreError(
    'invalid-argument',
    `no adapter for the URL scheme "${scheme}:" was given to openStore (adapters: ${known})`,
  );
}

/** The adapter of the package `@holdfast/<scheme>`, or of `holdfast-<scheme>`, the name for packages by others. */
async function loadAdapter(scheme: string, from: string | URL): Promise<StoreAdapter> {
  const origin = from instanceof URL || !isAbsolute(from) ? from : pathToFileURL(from);
  const require = createRequire(origin);
  const names = [`@holdfast/${scheme}`, `holdfast-${scheme}`];
  for (const name of names) {
    const found = resolve(require, name);
    if (found === undefined) continue;
    const adapter = Object.values((await load(require, name, found)) as object).find(
      (candidate): candidate is StoreAdapter => isAdapter(candidate) && candidate.scheme === scheme,
    );
    if (adapter !== undefined) return adapter;
    throw new StoreError('invalid-argument', `the package ${name} exports no adapter for the URL scheme "${scheme}:"`);
  }
  throw new StoreError(
    'invalid-argument',
    `no package is installed for the URL scheme "${scheme}:" (looked for ${names.join(' and ')} from ${String(origin)}): ` +
      `run "npm install ${names[0] ?? scheme}", or pass { adapters: […] }, or correct the scheme`,
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

function isAdapter(value: unknown): value is StoreAdapter {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as StoreAdapter).scheme === 'string' &&
    typeof (value as StoreAdapter).open === 'function'
  );
}
