import { decodeUtf8, encodeUtf8, quoted } from '@holdfast/adapter-kit';
import { StoreError } from '@holdfast/store';
import { badContent } from './bad-content.js';
import { extensionOf, LONGEST_EXTENSION, type FileExtension } from './extensions.js';
import { bytesOfName, isContinued, namesOf } from './names.js';

const SLASH = 0x2f;
/** The longest path in bytes: Linux takes 4,095, and the folder itself needs some. */
const LONGEST_PATH = 3_800;

/** A key as text, or its bytes if they are not UTF-8. */
export type FileKey = string | Uint8Array;

/** What a path stands for. */
export interface EntryName {
  /** The key as text; `undefined` if it is not UTF-8. */
  readonly key: string | undefined;
  readonly rawKey: Uint8Array;
  readonly extension: FileExtension;
}

/**
 * The key that a file stands for.
 *
 * @param path from the folder, with `/` between its parts; as bytes where it may not be UTF-8
 * @returns `undefined` for hidden files and the copies of editors, which are no entries
 * @throws StoreError `invalid-argument` for other names that are no entry
 */
export function keyOfFile(path: string | Uint8Array): EntryName | undefined {
  const bytes = typeof path === 'string' ? encodeUtf8(path) : path;
  const parts = splitBytes(bytes);
  const shown = quoted(new TextDecoder().decode(bytes));
  if (parts.some((part) => isIgnored(part))) return undefined;
  const last = parts.pop() ?? new Uint8Array(0);
  const extension = extensionOf(Buffer.from(last).toString('latin1'));
  if (extension === undefined) {
    throw badContent(
      `the name of ${shown} has none of the endings .yaml, .yml, .json, .txt and .bin: rename it, or move it away`,
    );
  }
  const raw: number[] = [];
  for (const part of parts) {
    const continued = isContinued(part);
    raw.push(...decoded(continued ? part.subarray(0, -1) : part, shown));
    if (!continued) raw.push(SLASH);
  }
  raw.push(...decoded(last.subarray(0, last.length - extension.length), shown));
  const rawKey = Uint8Array.from(raw);
  return { key: decodeUtf8(rawKey), rawKey, extension };
}

/** Hidden files, among them Kubernetes' own folders, and what editors leave beside a file. */
export function isIgnored(name: Uint8Array): boolean {
  const text = Buffer.from(name).toString('latin1');
  return text.startsWith('.') || text.endsWith('~') || (text.startsWith('#') && text.endsWith('#'));
}

/**
 * The path for one key, without an extension, from the folder. Other files are not looked at: {@link pathsOf} gives the paths of many, which no
 * file system takes for one another.
 *
 * @throws StoreError `too-large` if the key is too long for a path
 */
export function pathOf(key: FileKey): string {
  return toPath(key, () => false);
}

/**
 * The paths for all keys of a folder, without an extension, by the keys in their order. Where two names differ in upper and lower case only, or
 * in the form of an accent, more of them is encoded: some file systems would take them for one.
 */
export function pathsOf(keys: Iterable<FileKey>): string[] {
  const all = [...keys];
  const forms = new Map<string, string>();
  const clashing = new Set<string>();
  for (const key of all) {
    for (const { place, text } of placesOf(key)) {
      const other = forms.get(place);
      if (other === undefined) forms.set(place, text);
      else if (other !== text) clashing.add(place);
    }
  }
  return all.map((key) => toPath(key, (place) => clashing.has(place)));
}

function toPath(key: FileKey, isClashing: (place: string) => boolean): string {
  const places = placesOf(key);
  const path = places
    .flatMap(({ segment, place }, index) =>
      namesOf(segment, { isLast: index === places.length - 1, strict: isClashing(place) }),
    )
    .join('/');
  if (Buffer.byteLength(path) <= LONGEST_PATH - LONGEST_EXTENSION) return path;
  throw new StoreError('too-large', `key ${shownKey(key)} is too long for the path of a file; shorten it`, {
    outcome: 'not-applied',
  });
}

interface Place {
  readonly segment: Uint8Array;
  readonly text: string;
  /** The same for segments that a file system may take for one another. */
  readonly place: string;
}

/** The segments of a key. Slashes that separate nothing belong to a segment: at an end, and behind another one. */
function placesOf(key: FileKey): Place[] {
  const segments = segmentsOf(typeof key === 'string' ? encodeUtf8(key) : key);
  let above = '';
  return segments.map((segment, index) => {
    const text = new TextDecoder().decode(segment);
    const kind = index === segments.length - 1 ? 'file' : 'folder';
    const place = `${kind} ${above}${folded(text)}`;
    above += `${folded(text)}/`;
    return { segment, text, place };
  });
}

function segmentsOf(key: Uint8Array): Uint8Array[] {
  if (key.length === 0) throw badContent('an empty key has no file: a key has at least one character');
  const segments: Uint8Array[] = [];
  let start = 0;
  for (let at = 1; at < key.length - 1; at += 1) {
    // A separator has a name before it and something behind it that is more than slashes at the end.
    if (key[at] !== SLASH || at === start || key[at - 1] === SLASH || onlySlashes(key, at)) continue;
    segments.push(key.subarray(start, at));
    start = at + 1;
  }
  return [...segments, key.subarray(start)];
}

function onlySlashes(key: Uint8Array, from: number): boolean {
  return key.subarray(from).every((byte) => byte === SLASH);
}

function folded(text: string): string {
  return text.normalize('NFKD').toUpperCase().toLowerCase().normalize('NFKC');
}

function decoded(name: Uint8Array, shown: string): Uint8Array {
  const bytes = bytesOfName(name);
  if (bytes !== undefined) return bytes;
  throw badContent(`the name of ${shown} has a % that is no escape: write %25 for the character itself`);
}

function splitBytes(path: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let start = 0;
  for (let at = 0; at <= path.length; at += 1) {
    if (at < path.length && path[at] !== SLASH) continue;
    parts.push(path.subarray(start, at));
    start = at + 1;
  }
  return parts;
}

export function shownKey(key: FileKey): string {
  return quoted(typeof key === 'string' ? key : new TextDecoder().decode(key));
}
