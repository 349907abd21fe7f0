import { decodeUtf8, encodeUtf8, messageOf } from '@holdfast/store/adapter';
import { usage } from '../exit/command-error.js';
import { count, inline, quoted } from '../text/inline.js';
import { isLeased, type LeftOut } from './change.js';

/** What was exported: entries to be written, and keys that can't be. */
export interface Imported {
  readonly entries: ReadonlyMap<string, Uint8Array>;
  readonly leftOut: readonly LeftOut[];
  /** Whether two values mean the same; by default, equal bytes. */
  readonly isSame?: (key: string, before: Uint8Array, after: Uint8Array) => boolean;
}

const SHOWN = 5;
const SHAPE = '{"key": "/a", "value": "…"} or {"key": "/a", "valueBase64": "…"}';

/**
 * Reads what `export` or `list --json` wrote: one entry on each line. The whole input is checked before anything is done with it: one bad
 * line, or a last line that is cut off, refuses it all.
 *
 * @param name of the input, for messages
 * @throws CommandError naming the bad lines
 */
export function parseEntryLines(bytes: Uint8Array, name: string): Imported {
  const text = decodeUtf8(bytes);
  if (text === undefined) throw usage(`${name} is not UTF-8 text`, `It takes the lines of "holdfast export": ${SHAPE}`);
  const entries = new Map<string, Uint8Array>();
  const leftOut: LeftOut[] = [];
  const bad: string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    try {
      const { key, value, reason } = parseLine(line);
      if (entries.has(key)) throw new Error(`the key ${quoted(key)} is there twice`);
      if (reason === undefined) entries.set(key, value);
      else leftOut.push({ key, reason });
    } catch (error) {
      bad.push(`line ${index + 1}: ${inline(messageOf(error))}`);
    }
  }
  if (bad.length === 0) return { entries, leftOut };
  const more = bad.length > SHOWN ? ` … and ${bad.length - SHOWN} more` : '';
  throw usage(
    `${name} has ${count(bad.length, 'line')} that can't be used, so nothing was changed: ${bad.slice(0, SHOWN).join('; ')}${more}`,
    `Each line is ${SHAPE}, as "holdfast export" writes it.`,
  );
}

interface Line {
  readonly key: string;
  readonly value: Uint8Array;
  /** Why it can't be written. */
  readonly reason?: string;
}

function parseLine(line: string): Line {
  const parsed: unknown = JSON.parse(line);
  if (typeof parsed !== 'object' || parsed === null) throw new Error('it is no object');
  const { key, value, valueBase64, rawKeyBase64, lease, expiresAt } = parsed as Record<string, unknown>;
  if (typeof rawKeyBase64 === 'string') {
    const rawKey = `0x${Buffer.from(rawKeyBase64, 'base64').toString('hex')}`;
    return { key: rawKey, value: new Uint8Array(), reason: 'it is not UTF-8' };
  }
  if (typeof key !== 'string' || key === '') throw new Error('it has no "key"');
  const leased = {
    ...(typeof lease === 'string' && { lease }),
    ...(typeof expiresAt === 'number' && { expiresAt }),
  };
  return {
    key,
    value: valueOf(value, valueBase64),
    ...(isLeased(leased) && { reason: wasLeased(leased) }),
  };
}

/** Why a key that had a lease is left out: a lease of then is no lease of now. */
function wasLeased({ lease }: { readonly lease?: string }): string {
  return `it ${lease === undefined ? 'had a time to live' : `was attached to lease ${lease}`} when it was exported`;
}

function valueOf(value: unknown, valueBase64: unknown): Uint8Array {
  if ((value === undefined) === (valueBase64 === undefined)) throw new Error('it has to have "value" or "valueBase64"');
  if (typeof value === 'string') return encodeUtf8(value);
  if (typeof valueBase64 === 'string' && /^[\d+/A-Za-z]*={0,2}$/.test(valueBase64)) {
    return new Uint8Array(Buffer.from(valueBase64, 'base64'));
  }
  throw new Error(value === undefined ? '"valueBase64" is no base64' : '"value" is no string');
}
