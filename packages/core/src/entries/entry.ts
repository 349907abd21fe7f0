import type { Revision } from '@holdfast/store';
import type { RawValue } from '../values/raw-value.js';

/** What is known of a key beside its value. */
export interface EntryMeta {
  /** Relative to the prefix of the mirror, or of the collection. */
  readonly key: string;
  /** The revision of its last change: what `ifModRevision` takes. */
  readonly modRevision: Revision;
  /** The revision that created the key, since it was last deleted. */
  readonly createRevision: Revision;
  /** How many writes since it was created. Only where the backend's capability `versions` says so. */
  readonly version?: number;
}

/**
 * One key of the mirror, frozen. As long as the key is unchanged in the store it is the same object, over resyncs too, so
 * `===` tells whether anything changed.
 */
export interface Entry<T> extends EntryMeta {
  readonly value: T;
}

/** The revisions of an incoming version of a key. */
export interface Revisions {
  readonly modRevision: Revision;
  readonly createRevision: Revision;
  readonly version?: number | undefined;
}

/** An entry whose value was decoded when it arrived. */
export class EagerEntry<T> implements Entry<T> {
  readonly key: string;
  readonly value: T;
  readonly modRevision: Revision;
  readonly createRevision: Revision;
  declare readonly version?: number;
  // What tells equal bytes after a change of history: the bytes themselves are not kept beside what they became.
  readonly #digest: number;

  constructor(key: string, { modRevision, createRevision, version }: Revisions, value: T, digest: number) {
    this.key = key;
    this.value = value;
    this.modRevision = modRevision;
    this.createRevision = createRevision;
    if (version !== undefined) this.version = version;
    this.#digest = digest;
    Object.freeze(this);
  }

  hasDigest(digest: number): boolean {
    return this.#digest === digest;
  }
}

/** The same with its bytes, for a copy of the mirror to be made of. */
export class KeptEntry<T> extends EagerEntry<T> {
  readonly #raw: RawValue;

  constructor(key: string, revisions: Revisions, value: T, digest: number, raw: RawValue) {
    super(key, revisions, value, digest);
    this.#raw = raw;
  }

  get raw(): RawValue {
    return this.#raw;
  }
}

export function toMeta(key: string, { modRevision, createRevision, version }: Revisions): EntryMeta {
  return version === undefined ? { key, modRevision, createRevision } : { key, modRevision, createRevision, version };
}

export function sameRevisions(a: Omit<EntryMeta, 'key' | 'version'> & Partial<Revisions>, b: Revisions): boolean {
  return a.modRevision === b.modRevision && a.createRevision === b.createRevision && a.version === b.version;
}
