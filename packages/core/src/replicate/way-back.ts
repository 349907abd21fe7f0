import type { Bookmark, ConfigStore, KeyValue } from '@holdfast/store';
import { invalidArgument } from '@holdfast/store/adapter';
import type { Settings } from './options.js';
import { checkPlaces, type Places } from './places.js';

/** How a migration is carried back. */
export interface WayBack {
  readonly settings: Settings;
  /** What was in the source at the cut over, and was carried over, is as good as an own key. */
  readonly assumeOwn: (item: KeyValue) => boolean;
}

/**
 * @param cutOver what the target had of the source at the cut over; `undefined` before it, where nothing is carried back
 * @throws StoreError `invalid-argument` without the inverse of `mapKey`
 */
export function wayBack(
  source: ConfigStore,
  settings: Settings,
  unmapKey: Settings['mapKey'] | undefined,
  cutOver: Bookmark | undefined,
): WayBack {
  const { name, prefix, places, mapKey } = settings;
  if (unmapKey === undefined && cutOver !== undefined) {
    throw invalidArgument('a retreat after the cut over needs unmapKey, the inverse of mapKey');
  }
  // Another key, also where both stores are the same server.
  const backPlaces: Places = checkPlaces({ prefix, name, recordKey: `${places.record}!back` }, source);
  return {
    settings: { ...settings, prefix: places.prefix, places: backPlaces, mapKey: unmapKey ?? (() => undefined) },
    assumeOwn: ({ key, modRevision }) =>
      cutOver !== undefined && modRevision <= cutOver.revision && mapKey(key.slice(prefix.length)) !== undefined,
  };
}
