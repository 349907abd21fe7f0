import { json, mirror, type BaseMirror, type Change, type Collection, type Entry } from '@holdfast/core';
import { silentLogger, type ConfigStore, type Logger } from '@holdfast/store';
import { BEACON, COLLECTION_A, COLLECTION_B } from './keys.js';
import type { CampaignSettings } from './settings.js';
import type { Value } from './values.js';
import { PREFIX } from './world.js';

export type Shown = Entry<Value>;

/** A change as the mirrors report it. */
export type Told = Change<Value> & { readonly collection?: string };

/** One mirror under test, of any kind, by whole keys. */
export interface MirrorView {
  readonly name: 'plain' | 'collections' | 'key';
  readonly mirror: BaseMirror<Change<Value>>;
  /** Whether this mirror shows the key. */
  claims(key: string): boolean;
  get(key: string): Shown | undefined;
  entries(): Iterable<readonly [key: string, entry: Shown]>;
  size(): number;
  /** The whole key of a change. */
  whole(change: Told): string;
}

export async function openView(
  name: MirrorView['name'],
  store: ConfigStore,
  { livenessMs, backoff }: CampaignSettings,
  logger: Logger = silentLogger,
): Promise<MirrorView> {
  const common = { logger: named(logger, name), livenessMs, backoff, startTimeoutMs: 60_000, codec: json<Value>() };
  switch (name) {
    case 'plain': {
      // Like a large mirror, after a compaction it reads only changed values.
      const opened = await mirror(store, { prefix: PREFIX, ...common, fullResyncKeys: 0 });
      return {
        name,
        mirror: opened,
        claims: (key) => key.startsWith(PREFIX),
        get: (key) => opened.get(key.slice(PREFIX.length)),
        entries: () => prefixed(PREFIX, opened),
        size: () => opened.size,
        whole: ({ key }) => PREFIX + key,
      };
    }
    case 'key': {
      const opened = await mirror(store, { key: BEACON, ...common });
      return {
        name,
        mirror: opened,
        claims: (key) => key === BEACON,
        get: (key) => (key === BEACON ? opened.entry : undefined),
        entries: () => opened,
        size: () => opened.size,
        whole: ({ key }) => key,
      };
    }
    case 'collections':
      return collectionsView(store, common);
    default:
      return name satisfies never;
  }
}

async function collectionsView(store: ConfigStore, common: object): Promise<MirrorView> {
  const collections = { a: {}, b: {}, beacon: { key: 'beacon' } };
  const opened = await mirror(store, { prefix: PREFIX, codec: json<Value>(), ...common, collections });
  const { a, b, beacon } = opened;
  const parts: readonly (readonly [prefix: string, collection: Pick<Collection<Value>, 'get'>])[] = [
    [COLLECTION_A, a],
    [COLLECTION_B, b],
  ];
  const partOf = (key: string) => parts.find(([prefix]) => key.startsWith(prefix));
  return {
    name: 'collections',
    mirror: opened as unknown as BaseMirror<Change<Value>>,
    claims: (key) => key === BEACON || partOf(key) !== undefined,
    get: (key) => {
      const [prefix, collection] = partOf(key) ?? [];
      if (prefix === undefined) return key === BEACON ? beacon.entry : undefined;
      return collection?.get(key.slice(prefix.length));
    },
    entries: function* () {
      yield* prefixed(COLLECTION_A, a);
      yield* prefixed(COLLECTION_B, b);
      yield* prefixed(PREFIX, beacon);
    },
    size: () => a.size + b.size + beacon.size,
    whole: ({ collection, key }) => (collection === 'beacon' ? PREFIX : `${PREFIX}${collection ?? ''}/`) + key,
  };
}

function* prefixed(prefix: string, entries: Iterable<[string, Shown]>): Generator<readonly [string, Shown]> {
  for (const [key, entry] of entries) yield [prefix + key, entry];
}

function named(logger: Logger, name: string): Logger {
  const say =
    (level: keyof Logger): Logger['info'] =>
    (message, details) => {
      logger[level](`${name}: ${message}`, details);
    };
  return { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
}
