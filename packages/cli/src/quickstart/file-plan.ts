import { json, text } from '@holdfast/core';
import type { ConfigEntry } from './config-entry.js';
import type { CollectionPlan, Plan } from './plan.js';

/** Above this number of parts, all entries make one collection. */
const MOST_COLLECTIONS = 40;

/**
 * The same steps for any configuration. Its collections are the folders below the path that all keys share: for `/app/routes/r1` and
 * `/app/limits` they are `routes/` and the key `limits`. About the values it only knows whether they are JSON.
 */
export function filePlan(title: string, given: readonly ConfigEntry[]): Plan {
  const rooted = given.every(({ key }) => key.startsWith('/'));
  const entries = rooted ? given : given.map(({ key, value }) => ({ key: `/${key}`, value }));
  const groups = groupsOf(entries) ?? [{ name: 'entries', at: { prefix: '/' }, base: '', entries }];
  const base = groups[0]?.base ?? '';

  // The largest folders have most to show.
  const folders = groups.filter(({ at }) => 'prefix' in at).sort((a, b) => b.entries.length - a.entries.length);
  const folder = (n: number) => folders[n % folders.length] ?? fail();
  const own = (n: number, name: string): ConfigEntry => {
    const { at, entries } = folder(n);
    return { key: `${base}${'prefix' in at ? at.prefix : ''}${name}`, value: entries[0]?.value ?? '' };
  };
  const [first = fail(), second = first] = folder(0).entries;
  const deleted = own(0, 'quickstart-a');
  return {
    title,
    entries,
    prefix: base,
    collections: Object.fromEntries(groups.map((group) => [group.name, collectionPlan(group)])),
    liveChange: { key: first.key, value: second.value },
    together: [deleted, own(1, 'quickstart-b'), own(2, 'quickstart-c')],
    badValue: { key: first.key, value: isJson(folder(0).entries) ? '{"broken": ' : Uint8Array.of(0xff, 0xfe) },
    missed: {
      changed: [
        { key: second.key, value: second.value },
        { key: second.key, value: first.value },
      ],
      shortLived: own(0, 'quickstart-d'),
      deleted: deleted.key,
    },
  };
}

interface Group {
  readonly name: string;
  readonly at: { readonly prefix: string } | { readonly key: string };
  readonly base: string;
  readonly entries: readonly ConfigEntry[];
}

/** The folders and single keys below the path that all keys share; `undefined` if that makes no sensible division. */
function groupsOf(entries: readonly ConfigEntry[]): Group[] | undefined {
  const base = sharedFolder(entries.map(({ key }) => key));
  const groups = new Map<string, ConfigEntry[]>();
  for (const entry of entries) {
    const below = entry.key.slice(base.length);
    const slash = below.indexOf('/');
    const part = slash < 0 ? below : below.slice(0, slash + 1);
    const group = groups.get(part);
    if (group === undefined) groups.set(part, [entry]);
    else group.push(entry);
  }
  const parts = [...groups];
  const isDivision = parts.every(([part]) => part !== '' && part !== '/') && parts.some(([part]) => part.endsWith('/'));
  if (!isDivision || parts.length > MOST_COLLECTIONS) return undefined;
  return parts.map(([part, members]) => ({
    // A folder's name ends with `/`, a key's begins with `./`: no file can give one the name of a member of the mirror.
    name: part.endsWith('/') ? part : `./${part}`,
    at: part.endsWith('/') ? { prefix: part } : { key: part },
    base,
    entries: members,
  }));
}

/** The longest folder that contains all keys, with its `/`. */
function sharedFolder(keys: readonly string[]): string {
  let shared = keys[0] ?? '/';
  for (const key of keys) while (!key.startsWith(shared)) shared = shared.slice(0, -1);
  return shared.slice(0, shared.lastIndexOf('/') + 1);
}

function collectionPlan({ at, entries }: Group): CollectionPlan {
  return { ...at, codec: isJson(entries) ? json() : text() };
}

function isJson(entries: readonly ConfigEntry[]): boolean {
  return entries.every(({ value }) => {
    try {
      JSON.parse(value);
      return true;
    } catch {
      return false;
    }
  });
}

function fail(): never {
  throw new Error('a configuration has at least one entry');
}
