import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parse, stringify } from 'yaml';
import { digestSorted } from '../data/digest.js';
import type { Contender } from './contender.js';
import { jsonContent } from './loaders.js';

/** A folder of YAML files, read one after another. */
export function folderContender(path: string): Contender {
  const load = async (prefix: string) => {
    const map = new Map<string, unknown>();
    for (const name of await readdir(join(path, prefix)))
      map.set(prefix + name.slice(0, -'.yaml'.length), parse(await readFile(join(path, prefix, name), 'utf8')));
    return { content: map, digest: () => digestSorted(jsonContent(map)), close: () => undefined };
  };
  return { load, loadParsed: load, put: (key, value) => putFile(path, key, value, true), close: () => undefined };
}

let written = 0;

/** Writes a file as a whole: a temporary one, renamed into its place. */
export async function putFile(path: string, key: string, value: string, isDurable: boolean): Promise<void> {
  const file = join(path, `${key}.yaml`);
  const folder = dirname(file);
  await mkdir(folder, { recursive: true });
  const temporary = join(folder, `.${(written += 1)}.tmp`);
  const handle = await open(temporary, 'w');
  await handle.writeFile(stringify(JSON.parse(value)));
  if (isDurable) await handle.sync();
  await handle.close();
  await rename(temporary, file);
  if (!isDurable) return;
  const parent = await open(folder, 'r');
  await parent.sync();
  await parent.close();
}

export function fillFolder(path: string, entries: Iterable<readonly [key: string, value: string]>): void {
  for (const [key, value] of entries) {
    const file = join(path, `${key}.yaml`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, stringify(JSON.parse(value)));
  }
}
