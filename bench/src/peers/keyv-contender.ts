import type { Keyv } from 'keyv';
import { digestSorted } from '../data/digest.js';
import { entriesOf } from '../data/entries.js';
import type { Contender } from './contender.js';
import { jsonContent } from './loaders.js';

async function open(uri: string, table: string): Promise<Keyv> {
  const [{ Keyv }, { KeyvPostgres }] = await Promise.all([import('keyv'), import('@keyv/postgres')]);
  const keyv = new Keyv(new KeyvPostgres({ uri, table, max: 4, iterationLimit: 10_000 }), { namespace: table });
  keyv.on('error', (error: unknown) => {
    throw error;
  });
  return keyv;
}

/** All of them share one pool, which the first `disconnect()` ends. It ends with the process. */
const leave = () => undefined;

/** `keyv` on PostgreSQL, which keeps values as JSON of its own. It reads all keys of a namespace, which a prefix is here. */
export async function keyvContender(uri: string): Promise<Contender> {
  const writer = await open(uri, 'scratch');
  const load = async (prefix: string) => {
    const keyv = await open(uri, tableOf(prefix));
    const map = new Map<string, unknown>();
    for await (const [key, value] of keyv.iterator?.(undefined) as AsyncIterable<[string, unknown]>)
      map.set(key, value);
    return { content: map, digest: () => digestSorted(jsonContent(map)), close: leave };
  };
  return {
    load,
    loadParsed: load,
    put: (key, value) => writer.set(key, JSON.parse(value)),
    close: leave,
  };
}

/** Fills the namespace of each prefix. */
export async function fillKeyv(uri: string, sizes: Readonly<Record<string, number>>): Promise<void> {
  let last: Keyv | undefined;
  for (const [prefix, count] of Object.entries(sizes)) {
    last = await open(uri, tableOf(prefix));
    let part: { key: string; value: unknown }[] = [];
    for (const [key, value] of entriesOf(prefix, count)) {
      part.push({ key, value: JSON.parse(value) });
      if (part.length < 1_000) continue;
      await last.setMany(part);
      part = [];
    }
    await last.setMany(part);
  }
  await last?.disconnect();
}

function tableOf(prefix: string): string {
  return `keyv_${prefix.replaceAll(/[^a-z]/g, '_')}`;
}
