import type { WatchEvent } from '@holdfast/store';
import { KeyRange } from '@holdfast/store/adapter';
import type { Style } from '../terminal/style.js';
import { fit, inline, inlineValue } from './inline.js';

/** How the lines are shown: the columns of the terminal, if it is one, and its colours. */
export interface LineStyle {
  readonly width: number | undefined;
  readonly style: Style;
}

/** A change on one line: revision, kind, key, value. On a terminal it is cut to the width, and coloured. */
export function eventLine({ width, style }: LineStyle, event: WatchEvent, kind?: string): string {
  const fields = fieldsOf(event);
  if (kind !== undefined) fields[1] = kind;
  if (width === undefined) return fields.join('\t');
  const line = fit(fields.join('  '), width);
  return event.type !== 'put' ? style.red(line) : event.isCreate ? style.green(line) : line;
}

function fieldsOf(event: WatchEvent): string[] {
  const revision = String(event.revision);
  if (event.type === 'delete-range') return [revision, 'delete-range', KeyRange.from(event.range).toString()];
  const before = event.previous === undefined ? [] : [inlineValue(event.previous.value)];
  if (event.type === 'delete') return [revision, 'delete', inline(event.key), ...before];
  const { key, value } = event.current;
  return [revision, event.isCreate ? 'create' : 'update', inline(key), inlineValue(value), ...before];
}
