import { type Clock, isStoreError, type Logger, StoreError } from '@holdfast/store';
import {
  backgroundClock,
  checkClock,
  checkMs,
  checkNames,
  checkSignal,
  invalidArgument as invalid,
  KeyRange,
  messageOf,
  safeLogger,
  safeRandom,
} from '@holdfast/store/adapter';
import type { StandardSchemaV1 } from '../values/standard-schema.js';
import { namedLogger } from '../events/named-logger.js';
import { bytes } from '../values/bytes.js';
import { json } from '../values/json.js';
import type { Codec } from '../values/codec.js';
import { Decoder, isAsyncSchema } from '../entries/decoder.js';
import { Encoder } from '../entries/encoder.js';
import type { SnapshotStore } from '../snapshot/snapshot-store.js';
import type { AnyValueOptions, CollectionOptions, CommonOptions } from './options.js';

/** Options as a caller may have written them, of whatever kind of mirror. */
export type AnyOptions = CommonOptions<never> &
  AnyValueOptions & {
    readonly prefix?: string | undefined;
    readonly key?: string | undefined;
    readonly collections?: Readonly<Record<string, CollectionOptions>> | undefined;
  };

export interface CollectionSettings {
  /** Absent where the mirror has no collections. */
  readonly name: string | undefined;
  /** The whole key or prefix. */
  readonly where: { readonly key: string } | { readonly prefix: string };
  /** How much of a key users don't see. */
  readonly hidden: number;
  readonly decoder: Decoder;
  readonly encoder: Encoder;
}

/** How a copy of the mirror is kept. */
export interface SnapshotSettings {
  readonly store: SnapshotStore;
  readonly afterMs: number;
  readonly maxAgeMs: number | undefined;
  readonly name: string | undefined;
  readonly saveAfterMs: number | undefined;
  readonly saveEveryMs: number | undefined;
}

/** Checked options with their defaults. Times are in milliseconds. */
export interface Settings {
  /** The mirror's name in logs and figures. */
  readonly name: string;
  readonly range: KeyRange;
  readonly collections: readonly CollectionSettings[];
  readonly decode: 'eager' | 'lazy';
  readonly cacheSize: number | undefined;
  readonly livenessMs: number;
  readonly startTimeoutMs: number;
  readonly syncTimeoutMs: number;
  readonly graceMs: number;
  readonly replayRevisions: number;
  readonly auditEveryMs: number | undefined;
  readonly fullResyncKeys: number;
  readonly backoff: { readonly initialMs: number; readonly maxMs: number };
  readonly snapshot: SnapshotSettings | undefined;
  readonly unref: boolean;
  readonly signal: AbortSignal | undefined;
  /** Its timers don't keep the process alive: an open mirror does, unless `unref` is set. */
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

const VALUE_OPTIONS = ['codec', 'schema', 'transform'];
const MIRROR_OPTIONS = [
  ...VALUE_OPTIONS,
  ...['name', 'prefix', 'key', 'collections', 'onChange', 'onInvalid', 'onState', 'decode', 'cacheSize'],
  ...['livenessMs', 'startTimeoutMs', 'syncTimeoutMs', 'graceMs', 'replayRevisions'],
  ...['auditEveryMs', 'fullResyncKeys'],
  ...['snapshot', 'snapshotAfterMs', 'snapshotMaxAgeMs', 'snapshotName', 'saveAfterMs', 'saveEveryMs'],
  ...['unref', 'signal', 'backoff', 'clock', 'random', 'logger'],
];

/** @throws StoreError `invalid-argument` that names the option and says what it may be */
export function toSettings(options: AnyOptions, reservedNames: ReadonlySet<string>): Settings {
  try {
    return readSettings(options, reservedNames);
  } catch (error) {
    if (isStoreError(error)) throw error;
    // Options may have getters, and be anything in JavaScript.
    const message = `the options of mirror() cannot be read: ${messageOf(error)}`;
    throw new StoreError('invalid-argument', message, { cause: error });
  }
}

function readSettings(given: AnyOptions, reservedNames: ReadonlySet<string>): Settings {
  const options: AnyOptions = checkNames(given, MIRROR_OPTIONS, 'mirror()');
  const decode = options.decode ?? 'eager';
  if (decode !== 'eager' && decode !== 'lazy') throw invalid("decode must be 'eager' or 'lazy'");
  if (options.cacheSize !== undefined) {
    if (decode !== 'lazy')
      throw invalid("cacheSize bounds what decode: 'lazy' keeps decoded; without that, leave it out");
    if (!Number.isSafeInteger(options.cacheSize) || options.cacheSize < 1)
      throw invalid('cacheSize must be a whole number from 1');
  }
  for (const name of ['onChange', 'onInvalid', 'onState'] as const) {
    if (options[name] !== undefined && typeof options[name] !== 'function') throw invalid(`${name} must be a function`);
  }
  if (options.unref !== undefined && typeof options.unref !== 'boolean') throw invalid('unref must be true or false');
  checkSignal(options.signal);
  checkNames(options.backoff, ['initialMs', 'maxMs'], 'the option backoff');
  if (options.name !== undefined && (typeof options.name !== 'string' || options.name === ''))
    throw invalid('name must be a string that is not empty; by default it is the prefix or key');
  const initialMs = duration(options.backoff?.initialMs, 'backoff.initialMs', 100);
  const range = rangeOf(options);
  const name = options.name ?? options.prefix ?? options.key ?? '';
  return {
    name,
    range,
    collections: collectionsOf(options, reservedNames),
    decode,
    cacheSize: options.cacheSize,
    livenessMs: duration(options.livenessMs, 'livenessMs', 30_000),
    startTimeoutMs: duration(options.startTimeoutMs, 'startTimeoutMs', 30_000),
    syncTimeoutMs: duration(options.syncTimeoutMs, 'syncTimeoutMs', 10_000),
    graceMs: duration(options.graceMs, 'graceMs', 100),
    // Etcd replays as many in a tenth of a second, whatever the client.
    replayRevisions: wholeNumber(options.replayRevisions, 'replayRevisions', 1_000),
    auditEveryMs: options.auditEveryMs === undefined ? undefined : duration(options.auditEveryMs, 'auditEveryMs', 0),
    fullResyncKeys: wholeNumber(options.fullResyncKeys, 'fullResyncKeys', 1_000),
    backoff: { initialMs, maxMs: Math.max(initialMs, duration(options.backoff?.maxMs, 'backoff.maxMs', 5_000)) },
    snapshot: snapshotOf(options),
    unref: options.unref ?? false,
    signal: options.signal,
    clock: backgroundClock(checkClock(options.clock)),
    random: safeRandom(options.random),
    logger: namedLogger(safeLogger(options.logger), name),
  };
}

function snapshotOf(options: AnyOptions): SnapshotSettings | undefined {
  const { snapshot, snapshotAfterMs, snapshotMaxAgeMs, snapshotName, saveAfterMs, saveEveryMs } = options;
  const others = { snapshotAfterMs, snapshotMaxAgeMs, snapshotName, saveAfterMs, saveEveryMs };
  if (snapshot === undefined) {
    for (const [name, value] of Object.entries(others))
      if (value !== undefined) throw invalid(`${name} says how a snapshot is used: give snapshot, or leave it out`);
    return undefined;
  }
  const given = snapshot as unknown;
  if (!isObject(given) || typeof snapshot.load !== 'function' || typeof snapshot.save !== 'function')
    throw invalid(
      "snapshot must have load() and save(bytes): such as fileSnapshot(path) of '@holdfast/core/file-snapshot'",
    );
  if (snapshotName !== undefined && (typeof snapshotName !== 'string' || snapshotName === ''))
    throw invalid('snapshotName must be a string that is not empty');
  const optional = (value: number | undefined, name: string) =>
    value === undefined ? undefined : checkMs(value, name);
  return {
    store: snapshot,
    // 0 is a time too: the snapshot is shown at once.
    afterMs: snapshotAfterMs === 0 ? 0 : duration(snapshotAfterMs, 'snapshotAfterMs', 2_000),
    maxAgeMs: optional(snapshotMaxAgeMs, 'snapshotMaxAgeMs'),
    name: snapshotName,
    saveAfterMs: optional(saveAfterMs, 'saveAfterMs'),
    saveEveryMs: optional(saveEveryMs ?? snapshot.saveEveryMs, 'saveEveryMs'),
  };
}

function rangeOf({ prefix, key, collections }: AnyOptions): KeyRange {
  if ((prefix === undefined) === (key === undefined)) {
    throw invalid('a mirror takes either prefix (a string; "" for everything) or key');
  }
  if (key === undefined) return KeyRange.from({ prefix: prefix ?? '' });
  if (collections !== undefined) throw invalid('collections are parts of a prefix: give prefix instead of key');
  return KeyRange.from({ key });
}

function collectionsOf(options: AnyOptions, reservedNames: ReadonlySet<string>): readonly CollectionSettings[] {
  const { prefix, key, collections } = options;
  if (collections === undefined) {
    const where = key === undefined ? { prefix: prefix ?? '' } : { key };
    return [{ name: undefined, where, hidden: prefix?.length ?? 0, ...coding(options, undefined, 'the mirror') }];
  }
  if (!isObject(collections) || Object.keys(collections).length === 0) {
    throw invalid('collections must be an object with at least one collection, or be left out');
  }
  for (const name of ['schema', 'transform'] as const) {
    if (options[name] !== undefined) throw invalid(`${name} belongs to each of the collections, not beside them`);
  }
  const settings = Object.entries(collections).map(([name, each]) => {
    if (reservedNames.has(name) || name === '' || name.includes('\0')) {
      throw invalid(
        `a collection can't be called ${JSON.stringify(name)}: choose another name, and give prefix: '${name}/'`,
      );
    }
    const what = `collection ${JSON.stringify(name)}`;
    if (isSchema(each)) throw invalid(`${what} is a schema: write ${JSON.stringify(name)}: { schema: … }`);
    if (!isObject(each)) throw invalid(`${what} must be an object of options; {} will do`);
    checkNames(each, [...VALUE_OPTIONS, 'prefix', 'key'], what);
    return collectionOf(name, what, prefix ?? '', each, options.codec);
  });
  checkOverlap(settings);
  return settings;
}

function collectionOf(
  name: string,
  what: string,
  prefix: string,
  options: CollectionOptions,
  codec: Codec<unknown> | undefined,
): CollectionSettings {
  if (options.prefix !== undefined && options.key !== undefined) throw invalid(`${what} takes prefix or key, not both`);
  for (const option of ['prefix', 'key'] as const) {
    if (options[option] !== undefined && typeof options[option] !== 'string')
      throw invalid(`the ${option} of ${what} must be a string`);
  }
  const coders = coding(options, codec, what);
  if (options.key !== undefined) {
    return { name, where: checked({ key: prefix + options.key }, what), hidden: prefix.length, ...coders };
  }
  const whole = prefix + (options.prefix ?? `${name}/`);
  return { name, where: checked({ prefix: whole }, what), hidden: whole.length, ...coders };
}

function checked<Where extends { readonly key: string } | { readonly prefix: string }>(
  where: Where,
  what: string,
): Where {
  try {
    KeyRange.from(where);
    return where;
  } catch (error) {
    throw isStoreError(error) ? invalid(`${what}: ${error.message}`) : error;
  }
}

// A key in two collections would need two decodings and two problems; nobody has wanted that yet.
function checkOverlap(settings: readonly CollectionSettings[]): void {
  const ranges = settings.map(({ name, where }) => ({ name, range: KeyRange.from(where) }));
  ranges.forEach((one, index) => {
    for (const other of ranges.slice(index + 1)) {
      if (one.range.intersect(other.range) !== undefined) {
        throw invalid(
          `collections ${JSON.stringify(one.name)} (${one.range.toString()}) and ${JSON.stringify(other.name)} (${other.range.toString()}) overlap; a key belongs to one collection`,
        );
      }
    }
  });
}

/** How values are read and written. */
function coding(
  options: AnyValueOptions,
  fallback: Codec<unknown> | undefined,
  what: string,
): Pick<CollectionSettings, 'decoder' | 'encoder'> {
  const { schema, transform } = options;
  // A null is a mistake, and no default.
  const given = options.codec === undefined ? fallback : options.codec;
  const codec = given === undefined ? (schema === undefined ? bytes() : json()) : given;
  if (!isObject(codec) || typeof codec.decode !== 'function') {
    const hint = typeof codec === 'function' ? '. This is a function: call it' : '';
    throw invalid(`the codec of ${what} must be an object with decode(bytes), such as json()${hint}`);
  }
  if (transform !== undefined && typeof transform !== 'function')
    throw invalid(`the transform of ${what} must be a function`);
  if (schema !== undefined) {
    if (!isSchema(schema)) {
      throw invalid(
        `the schema of ${what} does not follow Standard Schema; zod, valibot and arktype do from the versions that say so`,
      );
    }
    if (isAsyncSchema(schema)) {
      throw invalid(`the schema of ${what} is asynchronous; a mirror reads in one step, so give it a synchronous one`);
    }
  }
  return { decoder: new Decoder(codec, schema, transform), encoder: new Encoder(codec, schema) };
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Some schemas are functions. */
function isSchema(value: unknown): value is StandardSchemaV1 {
  const schema = value as Partial<StandardSchemaV1> | null | undefined;
  return typeof schema?.['~standard']?.validate === 'function';
}

function duration(value: number | undefined, name: string, fallback: number): number {
  return value === undefined ? fallback : checkMs(value, name);
}

function wholeNumber(value: number | undefined, name: string, fallback: number): number {
  if (value === undefined) return fallback;
  if (value === Infinity || (Number.isSafeInteger(value) && value >= 0)) return value;
  throw invalid(`${name} must be a whole number from 0, or Infinity`);
}
