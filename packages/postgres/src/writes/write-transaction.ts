import type { Session } from '../connection/session.js';
import { leaseNotFound, type KeyRange } from '@holdfast/adapter-kit';
import type { Bookmark, LeaseId } from '@holdfast/store';
import { bytes, integer, integerOrNull, plainText, type Row } from '../sql/literals.js';
import { bookmarkOf, type Meta } from '../sql/meta.js';
import type { Tables } from '../sql/tables.js';
import { columns, present, versionOf, within, type Version } from '../sql/versions.js';

/** A version that is not written yet. */
interface Draft extends Version {
  readonly value: Uint8Array;
  readonly previousRevision: number | undefined;
  nextRevision: number | undefined;
}

/** What was read with the lock. */
export interface Found {
  readonly versions: readonly Version[];
  /** The keys that were looked for. */
  readonly asked: readonly Uint8Array[];
  readonly leases: readonly Row[];
}

/** A server that has not been checked since it started. */
export class Unchecked extends Error {}

const NOTHING = new Uint8Array(0);

/**
 * A transaction of the database that has the store's lock, with the calls of one process that share it. Each call that changes something
 * draws the next revision. Changes are sent together, at the end or before a range is read.
 */
export class WriteTransaction {
  readonly #session: Session;
  readonly #tables: Tables;
  readonly #meta: Meta;
  /** The newest version of each key that was looked at; `undefined` where there is none. */
  readonly #known = new Map<string, Version | undefined>();
  readonly #leases: Map<LeaseId, number>;
  #drafts = new Set<Draft>();
  #superseded: { readonly version: Version; readonly by: number }[] = [];
  #statements: string[] = [];
  #head: number;
  /** Changes at the revision that the present call draws. */
  #changes = 0;
  /** Whether the present call has changed anything, be it a lease. */
  #isChanged = false;
  /** Whether any call has: what was sent before a range was read counts too. */
  #isEmpty = true;

  constructor(session: Session, tables: Tables, meta: Meta, found: Found) {
    this.#session = session;
    this.#tables = tables;
    this.#meta = meta;
    this.#head = meta.head;
    for (const key of found.asked) this.#known.set(idOf(key), undefined);
    for (const version of found.versions) this.#known.set(idOf(version.rawKey), version);
    this.#leases = new Map(found.leases.map(([id, ttl]) => [String(id), Number(ttl)]));
  }

  /** The store before the present call. */
  get before(): Bookmark {
    return bookmarkOf(this.#meta, this.#head);
  }

  get compacted(): number {
    return this.#meta.compacted;
  }

  get tables(): Tables {
    return this.#tables;
  }

  /** The revision of the present call's changes. */
  get revision(): number {
    return this.#head + 1;
  }

  get hasRevisions(): boolean {
    return this.#head > this.#meta.head;
  }

  /** Ends the present call, and its revision if it drew one. Gives whether it changed anything. */
  endCall(): boolean {
    const isChanged = this.#isChanged;
    if (this.#changes > 0) this.#head += 1;
    this.#changes = 0;
    this.#isChanged = false;
    if (isChanged) this.#isEmpty = false;
    return isChanged;
  }

  /** A key's entry. @param withValue whether its value is needed */
  async entry(key: Uint8Array, withValue: boolean): Promise<Version | undefined> {
    const id = idOf(key);
    const known = this.#known.get(id);
    if (this.#known.has(id) && (known === undefined || known.value !== undefined || !withValue)) return alive(known);
    // A draft always has its value, so this one is stored.
    const [rows = []] = await this.#session.run(newestOf(this.#tables, [{ key, withValue }]));
    const version = rows[0] === undefined ? undefined : versionOf(rows[0]);
    this.#known.set(id, version);
    return alive(version);
  }

  /** The entries of a range, in the order of their keys, as the call sees them. */
  async entries(range: KeyRange): Promise<readonly Version[]> {
    if (range.key !== undefined) {
      const version = await this.entry(range.start, true);
      return version === undefined ? [] : [version];
    }
    return this.#present(within(range, 'v.key'));
  }

  /** Runs a statement that reads, after what was written so far. */
  async read(statement: string): Promise<readonly Row[]> {
    const results = await this.#session.run([...this.#unsent(), statement].join(';\n'));
    return results.at(-1) ?? [];
  }

  async put(key: Uint8Array, name: string | undefined, value: Uint8Array, lease: LeaseId | undefined): Promise<void> {
    const newest = await this.#newest(key);
    const before = alive(newest);
    this.#draft(newest, {
      rawKey: key,
      key: name,
      createRevision: before?.createRevision ?? this.revision,
      version: (before?.version ?? 0) + 1,
      lease,
      value,
    });
  }

  /** Deletes entries that the call has just read. */
  deleteAll(entries: readonly Version[]): void {
    for (const entry of entries) {
      this.#draft(entry, {
        rawKey: entry.rawKey,
        key: entry.key,
        createRevision: 0,
        version: 0,
        lease: undefined,
        value: NOTHING,
      });
    }
  }

  /** @throws StoreError `lease-not-found` */
  requireLease(id: LeaseId): number {
    const ttl = this.#leases.get(id);
    if (ttl === undefined) throw leaseNotFound(id);
    return ttl;
  }

  hasLease(id: LeaseId): boolean {
    return this.#leases.has(id);
  }

  grant(id: LeaseId, ttl: number): void {
    this.#leases.set(id, ttl);
    this.#isChanged = true;
    this.#statements.push(
      `INSERT INTO ${this.#tables.leases} (id, ttl, expires_at) VALUES (${integer(id)}, ${integer(ttl)}, clock_timestamp() + ${integer(ttl)} * interval '1 second')`,
    );
  }

  /** Ends a lease, and deletes its keys. */
  async revoke(id: LeaseId): Promise<void> {
    this.deleteAll(await this.#present(`v.lease = ${integer(id)}`));
    this.#leases.delete(id);
    this.#isChanged = true;
    this.#statements.push(`DELETE FROM ${this.#tables.leases} WHERE id = ${integer(id)}`);
  }

  /** Whether there is anything to commit. */
  get isEmpty(): boolean {
    return this.#isEmpty && !this.#isChanged;
  }

  /** The statements that end the transaction. @param ring whether others are told */
  finish(ring: boolean): string {
    return [...this.#unsent(), commitOf(this.#tables, ring && this.hasRevisions ? this.#head : undefined)].join(';\n');
  }

  async #present(condition: string): Promise<readonly Version[]> {
    const rows = await this.read(
      `SELECT ${columns('v')} FROM ${this.#tables.versions} v WHERE ${condition} AND ${present('v', undefined)} ORDER BY v.key`,
    );
    const versions = rows.map((row) => versionOf(row));
    for (const version of versions) this.#known.set(idOf(version.rawKey), version);
    return versions;
  }

  /** A key's newest version, also one that says it was deleted. */
  async #newest(key: Uint8Array): Promise<Version | undefined> {
    await this.entry(key, false);
    return this.#known.get(idOf(key));
  }

  #draft(
    newest: Version | undefined,
    state: Pick<Draft, 'rawKey' | 'key' | 'createRevision' | 'version' | 'lease' | 'value'>,
  ): void {
    const { revision } = this;
    if (newest !== undefined && this.#isUnsent(newest)) newest.nextRevision = revision;
    else if (newest !== undefined) this.#superseded.push({ version: newest, by: revision });
    const draft: Draft = {
      ...state,
      revision,
      position: this.#changes,
      previousRevision: newest?.revision,
      nextRevision: undefined,
    };
    this.#changes += 1;
    this.#isChanged = true;
    this.#drafts.add(draft);
    this.#known.set(idOf(state.rawKey), draft);
  }

  #isUnsent(version: Version): version is Draft {
    return this.#drafts.has(version as Draft);
  }

  #unsent(): string[] {
    const { versions } = this.#tables;
    const statements: string[] = [];
    if (this.#drafts.size > 0) {
      statements.push(
        `INSERT INTO ${versions} (key, revision, position, create_revision, version, lease, previous_revision, next_revision, value) VALUES\n${[...this.#drafts].map(valuesOf).join(',\n')}`,
      );
    }
    if (this.#superseded.length > 0) {
      const pairs = this.#superseded.map(
        ({ version, by }) =>
          `(${integer(version.revision)}::bigint, ${integer(version.position)}, ${integer(by)}::bigint)`,
      );
      statements.push(
        `UPDATE ${versions} v SET next_revision = n.by FROM (VALUES ${pairs.join(', ')}) n (revision, position, by) WHERE v.revision = n.revision AND v.position = n.position`,
      );
    }
    statements.push(...this.#statements);
    this.#drafts = new Set();
    this.#superseded = [];
    this.#statements = [];
    return statements;
  }
}

/** Commits. @param head what others are told, if anything */
function commitOf(t: Tables, head: number | undefined): string {
  if (head === undefined) return 'COMMIT';
  return `SELECT pg_notify(${plainText(t.channel)}, ${plainText(String(head))});\nCOMMIT`;
}

/** Selects the newest version of each key. */
export function newestOf(
  t: Tables,
  keys: readonly { readonly key: Uint8Array; readonly withValue: boolean }[],
): string {
  const wanted = keys.map(({ key, withValue }) => `(${bytes(key)}, ${withValue})`).join(', ');
  return `SELECT ${columns('v', 'k.wanted')} FROM (VALUES ${wanted}) k (key, wanted)
CROSS JOIN LATERAL (SELECT * FROM ${t.versions} n WHERE n.key = k.key ORDER BY n.revision DESC LIMIT 1) v`;
}

function valuesOf(draft: Draft): string {
  const { rawKey, revision, position, createRevision, version, lease, previousRevision, nextRevision, value } = draft;
  const numbers = [revision, position, createRevision, version].map(integer);
  const optional = [lease, previousRevision, nextRevision].map((each) => `${integerOrNull(each)}::bigint`);
  return `(${[bytes(rawKey), ...numbers, ...optional, bytes(value)].join(', ')})`;
}

function alive(version: Version | undefined): Version | undefined {
  return version?.version === 0 ? undefined : version;
}

function idOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
}
