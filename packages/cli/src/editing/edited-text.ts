import { decodeUtf8 } from '@holdfast/store/adapter';

/** How a value is laid out for the editor, and put back into its own form afterwards. */
export interface EditedText {
  /** What the editor shows. */
  readonly text: string;
  /** JSON has to stay JSON. */
  readonly isJson: boolean;
  /** The value for an edited text, in the form that it had before. */
  toValue(edited: string): string;
}

/**
 * A value as a text to be edited. JSON on one line is laid out with a line for each field, and goes back onto one line, digit by digit as it
 * was written. A value without a line break at its end does not get one by an editor that always writes one.
 *
 * @returns nothing if the value is no text
 */
export function editedText(value: Uint8Array): EditedText | undefined {
  const text = decodeUtf8(value);
  if (text === undefined) return undefined;
  const parsed = parseJson(text);
  const isJson = typeof parsed === 'object' && parsed !== null;
  // Written back, this layout gives every byte again: no digit is lost, and no name stands twice.
  const isCompact = isJson && JSON.stringify(parsed) === text;
  const hasEnd = text.endsWith('\n');
  return {
    text: isCompact ? `${JSON.stringify(parsed, null, 2)}\n` : text,
    isJson,
    toValue: (edited) => {
      if (isCompact && parseJson(edited) !== undefined) return onOneLine(edited);
      return hasEnd ? edited : edited.replace(/\r?\n$/, '');
    },
  };
}

/** What is wrong with a text that has to be JSON. */
export function jsonFault(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** JSON without the spaces between its parts. Numbers keep their digits: parsing would round long ones. */
function onOneLine(json: string): string {
  return json.replace(/("(?:\\.|[^"\\])*")|\s+/g, (_, string: string | undefined) => string ?? '');
}
