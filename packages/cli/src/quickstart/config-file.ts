import { readFile } from 'node:fs/promises';
import type { ConfigEntry } from './config-entry.js';
import { QuickstartError } from './quickstart-error.js';

const SHAPE = '{"key": "/a", "value": …}';
const LONE_SURROGATE = /\p{Surrogate}/u;
const SHOWN = 5;

/** The entries of a file. */
export interface ConfigFile {
  readonly entries: readonly ConfigEntry[];
  /** The number of lines whose key comes again further down. The last one wins, as in the store. */
  readonly overwritten: number;
}

/**
 * Reads a file of `{"key", "value"}` lines. A string is stored as text, any other value as JSON. The whole file is checked before
 * anything is written. One bad line refuses the file, so that no entry is lost unnoticed.
 *
 * @throws QuickstartError naming each bad line.
 */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  const entries: ConfigEntry[] = [];
  const bad: string[] = [];
  const lines = (await readText(path)).split('\n');
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const entry = parseLine(line);
    if (typeof entry === 'string') bad.push(`line ${index + 1}: ${entry}`);
    else entries.push(entry);
  }
  if (bad.length > 0) {
    const more = bad.length > SHOWN ? [`… and ${bad.length - SHOWN} more`] : [];
    const reasons = [...bad.slice(0, SHOWN), ...more].map((reason) => `\n  ${reason}`).join('');
    throw new QuickstartError(
      `${path} has ${count(bad.length, 'line')} that cannot be used, so nothing was written.${reasons}\nEach line must be ${SHAPE}; mend the file and run again.`,
    );
  }
  if (entries.length === 0) throw new QuickstartError(`${path} has no entries. Each line must be ${SHAPE}.`);
  return { entries, overwritten: entries.length - new Set(entries.map(({ key }) => key)).size };
}

async function readText(path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new QuickstartError(`Cannot read ${path}: ${(error as Error).message}. Name a file of ${SHAPE} lines.`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const line = firstUndecodableLine(bytes);
    throw new QuickstartError(`${path}, line ${line}, is not UTF-8 text. Each line must be ${SHAPE}.`);
  }
}

function firstUndecodableLine(bytes: Uint8Array): number {
  let line = 1;
  for (let start = 0; start < bytes.length; line += 1) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline + 1;
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(start, end));
    } catch {
      return line;
    }
    start = end;
  }
  return line;
}

/** The entry, or the line's fault. */
function parseLine(line: string): ConfigEntry | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (error) {
    return `not JSON (${(error as Error).message})`;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return 'not a JSON object';
  const { key, value } = parsed as { key?: unknown; value?: unknown };
  if (typeof key !== 'string') return '"key" is missing, or not a string';
  if (key === '') return '"key" is empty';
  if (LONE_SURROGATE.test(key)) return '"key" has half a surrogate pair, so it has no UTF-8 form';
  if (value === undefined) return `"value" of ${JSON.stringify(key)} is missing`;
  if (typeof value !== 'string') return { key, value: JSON.stringify(value) };
  if (LONE_SURROGATE.test(value)) return `"value" of ${JSON.stringify(key)} has half a surrogate pair`;
  return { key, value };
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
