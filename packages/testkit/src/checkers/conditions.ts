import type { Compare, CompareOperator, DeleteGuard, KeyValue, PutGuard, ValueInput } from '@holdfast/store';
import { KeyRange } from '@holdfast/store/adapter';
import type { States } from './timeline.js';

export function bytesOf(value: ValueInput): Buffer {
  return typeof value === 'string' ? Buffer.from(value) : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

/** Whether a guard holds for an entry, or for its absence; `undefined` if there is no guard. */
export function guardHolds(
  guard: Partial<PutGuard> & Partial<DeleteGuard>,
  entry: KeyValue | undefined,
): boolean | undefined {
  if ('ifAbsent' in guard && guard.ifAbsent !== undefined) return entry === undefined;
  if ('ifPresent' in guard && guard.ifPresent !== undefined) return entry !== undefined;
  if ('ifModRevision' in guard && guard.ifModRevision !== undefined) return entry?.modRevision === guard.ifModRevision;
  if ('ifValue' in guard && guard.ifValue !== undefined) {
    return entry !== undefined && Buffer.compare(bytesOf(guard.ifValue), entry.value) === 0;
  }
  return undefined;
}

/** Whether a compare of a transaction holds on the state at a revision (C9). */
export function compareHolds(compare: Compare, states: States, revision: number): boolean {
  if ('key' in compare) return holdsFor(compare, states.at(compare.key, revision));
  const range = KeyRange.from(compare.range);
  const entries = states.entriesAt(revision, (key) => range.contains(key));
  return entries.length === 0 ? holdsFor(compare, undefined) : entries.every((entry) => holdsFor(compare, entry));
}

function holdsFor(compare: Compare, entry: KeyValue | undefined): boolean {
  switch (compare.target) {
    case 'value':
      return entry !== undefined && applies(compare.op, Buffer.compare(entry.value, bytesOf(compare.value)));
    case 'lease': {
      const [actual, expected] = [BigInt(entry?.lease ?? 0), BigInt(compare.value)];
      return applies(compare.op, actual < expected ? -1 : actual > expected ? 1 : 0);
    }
    default:
      return applies(compare.op, (entry?.[compare.target] ?? 0) - compare.value);
  }
}

function applies(op: CompareOperator, difference: number): boolean {
  switch (op) {
    case '=':
      return difference === 0;
    case '!=':
      return difference !== 0;
    case '<':
      return difference < 0;
    case '>':
      return difference > 0;
  }
}
