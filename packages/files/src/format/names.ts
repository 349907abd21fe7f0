import { decodeUtf8, encodeUtf8 } from '@holdfast/adapter-kit';
import { LONGEST_EXTENSION } from './extensions.js';

// How one segment of a key becomes names of files and folders. Every name can be turned back, on every file system that people use.

/** What file systems take: 255 bytes, and the extension is one of them. */
const LONGEST_NAME = 255 - LONGEST_EXTENSION;
/** A longer segment is cut into folders of about this many bytes. What makes a name safe may add a few. */
const PART = 200;

/**
 * What some file system, shell or editor changes or refuses: the escape itself, what Windows refuses, what nobody can see, and white space
 * other than a blank.
 */
const UNSAFE = /[%<>:"\\|?*/]|\p{C}|(?! )\p{Z}/u;
/** What no file system folds together with something else. */
const STRICT = /[^a-z0-9_-]/u;
const RESERVED = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;
const LOOKS_LIKE_ENTRY = /\.(?=(?:ya?ml|json|txt|bin)$)/i;
/** At the end of a folder's name: the key goes on without a slash. No escape ends so. */
const CONTINUED = '%';

const hex = (byte: number) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
const escaped = (bytes: Uint8Array) => Array.from(bytes, hex).join('');

/**
 * The names for one segment of a key: folders, and, for the last segment of a key, the stem of the file.
 *
 * @param strict whether upper case and everything beyond ASCII is encoded too, for names that a file system may take for one another
 */
export function namesOf(segment: Uint8Array, { isLast, strict }: { isLast: boolean; strict: boolean }): string[] {
  const text = decodeUtf8(segment);
  const units = text === undefined ? unitsOfBytes(segment, strict) : unitsOfText(text, strict);
  const whole = units.join('');
  if (Buffer.byteLength(whole) <= LONGEST_NAME - PROTECTION) return [protectedName(whole, { isLast })];
  return cut(units).map((part, index, parts) =>
    index < parts.length - 1 ? `${protectedName(part, { isLast: true })}${CONTINUED}` : protectedName(part, { isLast }),
  );
}

/** How many bytes {@link protectedName} may add. */
const PROTECTION = 8;

function unitsOfText(text: string, strict: boolean): string[] {
  // Some file systems store another form of the same text.
  const isComposed = text === text.normalize('NFC');
  const unsafe = (character: string) =>
    UNSAFE.test(character) || (strict && STRICT.test(character)) || (!isComposed && character > '\u{7f}');
  return Array.from(text, (character) => (unsafe(character) ? escaped(encodeUtf8(character)) : character));
}

function unitsOfBytes(bytes: Uint8Array, strict: boolean): string[] {
  return Array.from(bytes, (byte) => {
    const character = String.fromCharCode(byte);
    return byte > 0x7f || UNSAFE.test(character) || (strict && STRICT.test(character)) ? hex(byte) : character;
  });
}

function cut(units: readonly string[]): string[] {
  const parts: string[] = [];
  let part = '';
  for (const unit of units) {
    if (Buffer.byteLength(part) + Buffer.byteLength(unit) > PART) {
      parts.push(part);
      part = '';
    }
    part += unit;
  }
  return [...parts, part];
}

/**
 * Escapes what is unsafe only where it stands: a hidden file, a blank at an end, a device of Windows, a folder named like a file or like an
 * editor's copy.
 */
function protectedName(name: string, { isLast }: { isLast: boolean }): string {
  let safe = name.replace(/^[. ]/, (character) => hex(character.charCodeAt(0)));
  if (RESERVED.test(safe)) safe = hex(safe.charCodeAt(0)) + safe.slice(1);
  if (isLast) return safe.replace(/ $/, '%20');
  return safe.replace(LOOKS_LIKE_ENTRY, '%2E').replace(/[. ~#]$/, (character) => hex(character.charCodeAt(0)));
}

/** The bytes that a name stands for; `undefined` if a % in it is no escape. */
export function bytesOfName(name: Uint8Array): Uint8Array | undefined {
  const bytes: number[] = [];
  for (let at = 0; at < name.length; at += 1) {
    const byte = name[at] as number;
    if (byte !== 0x25) {
      bytes.push(byte);
      continue;
    }
    const digits = String.fromCharCode(...name.subarray(at + 1, at + 3));
    if (!/^[0-9a-f]{2}$/i.test(digits)) return undefined;
    bytes.push(Number.parseInt(digits, 16));
    at += 2;
  }
  return Uint8Array.from(bytes);
}

/** Whether a folder's name says that the key goes on without a slash. */
export function isContinued(name: Uint8Array): boolean {
  return name.at(-1) === CONTINUED.charCodeAt(0);
}
