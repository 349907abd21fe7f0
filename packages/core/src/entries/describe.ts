import { textOf } from '@holdfast/store/adapter';
import type { Codec } from '../values/codec.js';
import type { StandardSchemaIssue } from '../values/standard-schema.js';

const SHOWN_ISSUES = 3;

/** What a schema finds wrong, in one line. */
export function describeIssues(issues: readonly StandardSchemaIssue[]): string {
  const shown = issues.slice(0, SHOWN_ISSUES).map(({ message, path }) => {
    const at = (path ?? []).map((part) => textOf(typeof part === 'object' ? part.key : part)).join('.');
    return at === '' ? textOf(message) : `${at}: ${textOf(message)}`;
  });
  if (issues.length > SHOWN_ISSUES) shown.push(`and ${issues.length - SHOWN_ISSUES} more`);
  return shown.join('; ');
}

/** The name of a codec, whatever it is. */
export function nameOfCodec(codec: Codec<unknown>): string {
  try {
    return textOf(codec.name);
  } catch {
    return 'a codec without a name';
  }
}
