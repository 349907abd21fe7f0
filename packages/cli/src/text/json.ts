import type { KeyValue, UndecodableKey, WatchEvent } from '@holdfast/store';
import { decodeUtf8 } from '@holdfast/store/adapter';

/** An entry as the contract has it, with `value` as text, or `valueBase64` where it is not UTF-8. */
export function entryJson({ key, value, ...rest }: KeyValue): Record<string, unknown> {
  return { key, ...valueJson(value), ...rest };
}

/** An entry that was read without its value. */
export function keyJson({ key, value: _, ...rest }: KeyValue): Record<string, unknown> {
  return { key, ...rest };
}

export function valueJson(value: Uint8Array): Record<string, string> {
  const text = decodeUtf8(value);
  return text === undefined ? { valueBase64: Buffer.from(value).toString('base64') } : { value: text };
}

/** A key that is not UTF-8, as the contract reports it. */
export function undecodableJson({ rawKey, ...rest }: UndecodableKey): Record<string, unknown> {
  return { rawKeyBase64: Buffer.from(rawKey).toString('base64'), ...rest };
}

export function eventJson(event: WatchEvent): Record<string, unknown> {
  const previous = 'previous' in event && event.previous !== undefined ? { previous: entryJson(event.previous) } : {};
  if (event.type === 'put') return { ...event, current: entryJson(event.current), ...previous };
  return { ...event, ...previous };
}

/** The result of a write. Entries in it are shown as {@link entryJson} does. */
export function resultJson(result: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(result).map(([name, field]: [string, unknown]) => [
      name,
      Array.isArray(field) ? field.map(shown) : shown(field),
    ]),
  );
}

function shown(field: unknown): unknown {
  return typeof field === 'object' && field !== null && 'key' in field && 'value' in field
    ? entryJson(field as KeyValue)
    : field;
}
