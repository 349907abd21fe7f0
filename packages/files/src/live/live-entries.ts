import { boundedHistory, compareBytes, encodeUtf8, type BoundedHistory, type KeyRange } from '@holdfast/adapter-kit';
import type { KeyValue, Revision, UndecodableKey, WatchEvent } from '@holdfast/store';
import type { FileProblem } from '../folder/problem.js';
import { isSameValue } from '../format/values.js';
import { idOf, type Snapshot, type SourceEntry } from '../sources/snapshot.js';

/** An entry as the store shows it. */
export interface Held {
  readonly source: SourceEntry;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
}

/** What one key becomes; without a source it is deleted. */
export interface Edit {
  readonly id: string;
  readonly source: SourceEntry | undefined;
}

/** The entries, at their revisions, and the latest changes. It changes in steps: one revision each. */
export class LiveEntries {
  readonly history: BoundedHistory;
  readonly #held = new Map<string, Held>();

  constructor(identity: string, maxEvents: number) {
    this.history = boundedHistory({ maxEvents, identity });
  }

  find(id: string): Held | undefined {
    return this.#held.get(id);
  }

  get(key: string): KeyValue | undefined {
    const held = this.#held.get(idOf(encodeUtf8(key)));
    return held && toKeyValue(key, held);
  }

  /** In no order. */
  all(range: KeyRange): Held[] {
    return [...this.#held.values()].filter(({ source }) => range.contains(source.key ?? source.rawKey));
  }

  get sizeBytes(): number {
    let bytes = 0;
    for (const { source } of this.#held.values()) bytes += source.rawKey.length + source.value.length;
    return bytes;
  }

  /** Takes over what was read. What can't be read is as it was. Gives whether anything has changed. */
  restore({ entries, problems }: Snapshot): boolean {
    const edits: Edit[] = [];
    for (const [id, source] of entries) {
      const held = this.#held.get(id);
      if (held === undefined || !isSameEntry(held.source, source)) edits.push({ id, source });
      // Only where it comes from is new.
      else if (held.source.path !== source.path)
        this.#held.set(id, { ...held, source: { ...source, value: held.source.value } });
    }
    const isKept = keptBy(problems);
    for (const [id, { source }] of this.#held) {
      if (!entries.has(id) && !isKept(source)) edits.push({ id, source: undefined });
    }
    return this.apply(edits);
  }

  /** Makes all edits at the next revision. Gives whether there were any. */
  apply(edits: readonly Edit[]): boolean {
    const { next: revision } = this.history;
    const events: WatchEvent[] = [];
    const undecodable: UndecodableKey[] = [];
    const ordered = edits
      .map((edit) => ({ ...edit, rawKey: edit.source?.rawKey ?? this.#held.get(edit.id)?.source.rawKey }))
      .sort((a, b) => compareBytes(a.rawKey ?? new Uint8Array(), b.rawKey ?? new Uint8Array()));
    for (const { id, source } of ordered) {
      const held = this.#held.get(id);
      const of = source ?? held?.source;
      if (of === undefined) continue;
      const after =
        source === undefined
          ? undefined
          : { source, createRevision: held?.createRevision ?? revision, modRevision: revision };
      if (of.key === undefined) undecodable.push({ rawKey: of.rawKey, revision, deleted: after === undefined });
      else events.push(eventOf(of.key, held, after, revision));
    }
    if (events.length + undecodable.length === 0) return false;
    // First, since it refuses any revision but the next one.
    this.history.append(events, undecodable);
    for (const { id, source } of ordered) {
      const held = this.#held.get(id);
      if (source === undefined) this.#held.delete(id);
      else this.#held.set(id, { source, createRevision: held?.createRevision ?? revision, modRevision: revision });
    }
    return true;
  }
}

/** An entry as callers get it, with bytes of their own. */
export function toKeyValue(key: string, { source, createRevision, modRevision }: Held): KeyValue {
  return { key, value: new Uint8Array(source.value), createRevision, modRevision };
}

/** The same events with bytes of their own: a watch may do with them as it likes. */
export function copied(event: WatchEvent): WatchEvent {
  const copy = (entry: KeyValue): KeyValue => ({ ...entry, value: new Uint8Array(entry.value) });
  switch (event.type) {
    case 'put':
      return { ...event, current: copy(event.current), ...(event.previous && { previous: copy(event.previous) }) };
    case 'delete':
      return { ...event, ...(event.previous && { previous: copy(event.previous) }) };
    default:
      return event;
  }
}

function eventOf(key: string, before: Held | undefined, after: Held | undefined, revision: Revision): WatchEvent {
  const previous = before && { previous: toKeyValue(key, before) };
  if (after === undefined) return { type: 'delete', revision, key, ...previous };
  return { type: 'put', revision, current: toKeyValue(key, after), isCreate: before === undefined, ...previous };
}

function isSameEntry(held: SourceEntry, read: SourceEntry): boolean {
  return read.value === held.value || isSameValue(read.extension, read.value, held.value);
}

/** Whether a problem stands where an entry was: then its last good value stays. A folder that can't be read keeps all below it. */
function keptBy(problems: readonly FileProblem[]): (source: SourceEntry) => boolean {
  const keys = new Set(problems.flatMap(({ key }) => key ?? []));
  const paths = new Set(problems.map(({ path }) => path));
  const folders = [...paths].filter((path) => path.endsWith('/'));
  return ({ key, path }) =>
    (key !== undefined && keys.has(key)) || paths.has(path) || folders.some((folder) => path.startsWith(folder));
}
