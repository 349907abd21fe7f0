import { mirror, type Problem } from '@holdfast/core';
import { memoryStore } from '@holdfast/memory';
import { isStoreError } from '@holdfast/store';
import { messageOf } from '@holdfast/store/adapter';
import { usage } from '../exit/command-error.js';
import { quoted } from '../text/inline.js';
import type { Issue, ValueCheck } from './value-check.js';

/** The options of a mirror that say what its values are. */
interface ConfigShape {
  readonly prefix?: string;
  readonly key?: string;
  readonly collections?: Readonly<Record<string, { readonly prefix?: string; readonly key?: string } | undefined>>;
}

const WHAT_COUNTS = ['prefix', 'key', 'collections', 'codec', 'schema', 'transform'];
const NEXT =
  "Its default export has the shape of mirror()'s options: { prefix, collections }, with codecs and schemas.";

/**
 * Values have to be such as the application's own mirror shows: the module's default export has the shape of `mirror()`'s options, and a
 * mirror with these options reads the values, with codecs, schemas and transforms.
 *
 * @param load imports a module, and gives its exports
 * @throws CommandError if the module can't be used
 */
export async function configCheck(file: string, load: (file: string) => Promise<unknown>): Promise<ValueCheck> {
  const options = optionsOf(await loaded(file, load), file);
  const places = placesOf(options);
  const check: ValueCheck = {
    range: options.key === undefined ? { prefix: options.prefix ?? '' } : { key: options.key },
    covers: (key) => places.some(({ where }) => ('key' in where ? where.key === key : key.startsWith(where.prefix))),
    issues: (entries) => readByMirror(options, places, entries),
  };
  try {
    // Options that no mirror takes are told now, and not with the first value.
    await check.issues(new Map());
  } catch (error) {
    if (!isStoreError(error)) throw error;
    throw usage(`the configuration ${quoted(file)} can't be used: ${error.message}`, NEXT);
  }
  return check;
}

async function loaded(file: string, load: (file: string) => Promise<unknown>): Promise<unknown> {
  try {
    const { default: exported } = (await load(file)) as { default?: unknown };
    // A module that a compiler made into CommonJS keeps its default export one level deeper.
    return isObject(exported) && 'default' in exported ? exported['default'] : exported;
  } catch (error) {
    const hint = (error as NodeJS.ErrnoException | undefined)?.code === 'ERR_UNKNOWN_FILE_EXTENSION';
    throw usage(
      `the configuration ${quoted(file)} can't be loaded: ${messageOf(error)}`,
      hint ? `Node.js ${process.version} loads JavaScript only: compile it, and name the .js or .mjs file.` : NEXT,
    );
  }
}

function optionsOf(exported: unknown, file: string): ConfigShape {
  if (isObject(exported) && ('prefix' in exported || 'key' in exported)) {
    return Object.fromEntries(Object.entries(exported).filter(([name]) => WHAT_COUNTS.includes(name)));
  }
  throw usage(
    `the configuration ${quoted(file)} exports ${exported === undefined ? 'no default' : 'a default without "prefix" or "key"'}`,
    NEXT,
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

interface Place {
  readonly collection?: string;
  readonly where: { readonly prefix: string } | { readonly key: string };
}

function placesOf({ prefix = '', key, collections }: ConfigShape): Place[] {
  if (key !== undefined) return [{ where: { key } }];
  if (collections === undefined) return [{ where: { prefix } }];
  return Object.entries(collections).map(([collection, own]) => ({
    collection,
    where: own?.key === undefined ? { prefix: prefix + (own?.prefix ?? `${collection}/`) } : { key: prefix + own.key },
  }));
}

/** What a mirror with these options says of the values, in a store of their own. */
async function readByMirror(
  options: ConfigShape,
  places: readonly Place[],
  entries: ReadonlyMap<string, Uint8Array>,
): Promise<readonly Issue[]> {
  const store = memoryStore({ maxRequestBytes: Number.MAX_SAFE_INTEGER });
  try {
    for (const [key, value] of entries) await store.put(key, value);
    const following = await mirror(store, options as { prefix: string });
    const problems = following.problems().map((problem) => issueOf(problem, options, places));
    await following.close();
    return problems;
  } finally {
    await store.close();
  }
}

function issueOf(
  { key = '', collection, reason }: Problem,
  { prefix = '' }: ConfigShape,
  places: readonly Place[],
): Issue {
  const where = places.find((place) => place.collection === collection)?.where ?? { prefix };
  return { key: 'key' in where ? where.key : where.prefix + key, reason };
}
