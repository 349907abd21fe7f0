import type { RootDatabase } from 'lmdb';
import { digestSorted } from '../data/digest.js';
import type { Contender } from './contender.js';
import { jsonContent } from './loaders.js';
import { endOf } from './pg-contender.js';

type Plain = RootDatabase<string, string>;

async function open(path: string): Promise<Plain> {
  const lmdb = await import('lmdb');
  return lmdb.open<string, string>({ path, encoding: 'string', mapSize: 2 ** 36 });
}

/** The package `lmdb` with keys and values as texts: a cursor that fills a Map. */
export async function lmdbContender(path: string): Promise<Contender> {
  const writer = await open(path);
  const cursor = async <T>(prefix: string, keep: (value: string) => T) => {
    const db = await open(path);
    const map = new Map<string, T>();
    for (const { key, value } of db.getRange({ start: prefix, end: endOf(prefix) })) map.set(key, keep(value));
    return { map, db };
  };
  return {
    load: async (prefix) => {
      const { map, db } = await cursor(prefix, (value) => value);
      return { content: map, digest: () => digestSorted(map), close: () => db.close() };
    },
    loadParsed: async (prefix) => {
      const { map, db } = await cursor(prefix, (value) => JSON.parse(value) as unknown);
      return { content: map, digest: () => digestSorted(jsonContent(map)), close: () => db.close() };
    },
    put: async (key, value) => {
      await writer.put(key, value);
      await writer.flushed;
    },
    close: () => writer.close(),
  };
}

export async function fillLmdb(path: string, entries: Iterable<readonly [key: string, value: string]>): Promise<void> {
  const db = await open(path);
  await db.transaction(() => {
    for (const [key, value] of entries) void db.put(key, value);
  });
  await db.flushed;
  await db.close();
}
