import stringWidth from 'string-width';
import { decodeUtf8 } from '@holdfast/store/adapter';

// Control characters (C1 included), characters that change a terminal's reading direction, line separators.
const UNFIT = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]/gu;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** A text on one line: it can neither move the cursor of a terminal nor end a field of tab-separated output. */
export function inline(text: string): string {
  return text.replace(UNFIT, (each) => SHORT[each] ?? `\\u{${(each.codePointAt(0) ?? 0).toString(16)}}`);
}

/** A value on one line. Bytes that are no text are counted, since a terminal can't show them. */
export function inlineValue(value: Uint8Array): string {
  const text = decodeUtf8(value);
  return text === undefined ? `(${value.length} bytes, not UTF-8)` : inline(text);
}

/** A key that is not UTF-8, in hexadecimal digits. */
export function rawKeyText(key: Uint8Array): string {
  return `0x${Buffer.from(key).toString('hex')}`;
}

/** A text cut to the columns that there are. */
export function fit(text: string, columns: number | undefined): string {
  if (columns === undefined || (text.length <= columns && stringWidth(text) <= columns)) return text;
  let shown = '';
  let used = 0;
  for (const character of text) {
    used += stringWidth(character);
    if (used > columns - 1) break;
    shown += character;
  }
  return `${shown}…`;
}

/** `1 key`, `20 keys` */
export function count(number: number, noun: string): string {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
}

/** A key or another text of a user's in quotation marks, on one line. */
export function quoted(text: string): string {
  return inline(JSON.stringify(text));
}

/** A text in lines that fit, where all but the first are indented. Long words such as URLs go beyond. */
export function hanging(text: string, columns: number, indent: number): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    const longer = last === '' ? word : `${last} ${word}`;
    if (last === '' || indent + stringWidth(longer) <= columns) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.join(`\n${' '.repeat(indent)}`);
}
