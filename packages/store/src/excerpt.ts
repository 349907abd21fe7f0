// Control characters (C1 included), characters that change a terminal's reading direction, line separators, lone surrogates.
const UNFIT = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]/gu;
/** How many characters of a server's text an error message repeats. */
const LONGEST = 200;

/** What a server or a proxy said, fit for an error message or a log line: escaped, on one line, and cut. */
export function excerpt(text: string, longest = LONGEST): string {
  // Cut first: a page may have megabytes. Twice as many UTF-16 units as characters are enough.
  const characters = Array.from(text.slice(0, 2 * longest + 2).trim());
  const shown = characters.slice(0, longest).join('').replace(UNFIT, escape);
  return characters.length > longest || text.length > 2 * longest + 2 ? `${shown}…` : shown;
}

/**
 * A key or another text of a user's in quotation marks, fit for a message. `JSON.stringify` alone leaves the control characters from U+0080
 * to U+009F, and marks of direction, as they are.
 */
export function quoted(text: string): string {
  return JSON.stringify(text).replace(UNFIT, escape);
}

function escape(character: string): string {
  if (character === '\n' || character === '\r' || character === '\t') return ' ';
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
