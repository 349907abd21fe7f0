import { type Capabilities, type Clock, type KeyValue, type Revision, type WatchEvent } from '@holdfast/store';
import {
  boundedHistory,
  driverLeases,
  followChanges,
  leaseTable,
  listItems,
  runTxn,
  type BoundedHistory,
  type DriverCall,
  type DriverDeleteOptions,
  type DriverLeases,
  type DriverListOptions,
  type DriverPutOptions,
  type DriverTxn,
  type KeyRange,
  type LeaseTable,
  type StoreDriver,
} from '@holdfast/adapter-kit';

const CAPABILITIES: Capabilities = {
  transactions: 'multi-key',
  history: { events: 1_000 },
  compaction: false,
  leases: true,
  leaseListing: true,
  ttl: true,
  binaryValues: true,
  historicalReads: false,
  deltaReads: true,
  versions: true,
  progress: 'exact',
  keySyntax: 'any',
  guardReturnsCurrent: true,
  rangeDeletes: 'any',
  serializableReads: false,
  previousValues: true,
};

/** What all handles share: entries in a map, the latest 1,000 events, and leases. It stands for any backend that keeps the present only. */
export class Notebook {
  readonly entries = new Map<string, KeyValue>();
  readonly history: BoundedHistory;
  readonly leases: LeaseTable;
  readonly #bells = new Set<() => void>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(clock?: Clock) {
    this.history = boundedHistory({ maxEvents: 1_000, identity: 'notebook' });
    this.leases = leaseTable({
      clock,
      onExpire: ({ keys }) =>
        void this.write((draft) => {
          draft.deleteAll(keys);
        }),
    });
  }

  readonly doorbell = (ring: () => void) => {
    this.#bells.add(ring);
    return () => this.#bells.delete(ring);
  };

  /** Makes changes at the next revision, all of them or none. What has expired goes first. */
  async write<T>(change: (draft: Draft) => Promise<T> | T): Promise<T> {
    return this.inTurn(async () => {
      const draft = new Draft(this);
      const result = await change(draft);
      this.#commit(draft);
      return result;
    });
  }

  /** One after the other: nobody else may write until a transaction is over, no lease that ends either. */
  async inTurn<T>(run: () => Promise<T> | T): Promise<T> {
    this.leases.expire();
    const result = this.#last.then(run);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Forgets the leases. Not for a handle to do: others go on. */
  close(): void {
    this.leases.close();
  }

  #commit({ changes, revision }: Draft): void {
    const events: WatchEvent[] = [];
    const orphans: string[] = [];
    for (const [key, { before, after }] of changes) {
      const previous = before && { previous: before };
      if (after !== undefined) {
        events.push({ type: 'put', revision, current: after, isCreate: before === undefined, ...previous });
      } else if (before !== undefined) events.push({ type: 'delete', revision, key, ...previous });
    }
    if (events.length === 0) return;
    // First, since it refuses any revision but the next one.
    this.history.append(events);
    for (const [key, { before, after }] of changes) {
      if (before?.lease !== undefined) this.leases.detach(before.lease, key);
      if (after === undefined) this.entries.delete(key);
      else this.entries.set(key, after);
      if (after?.lease === undefined) continue;
      if (this.leases.find(after.lease) === undefined) orphans.push(key);
      else this.leases.attach(after.lease, key);
    }
    for (const ring of [...this.#bells]) ring();
    if (orphans.length === 0) return;
    // Their lease has ended since the transaction checked it.
    const next = new Draft(this);
    next.deleteAll(orphans);
    this.#commit(next);
  }
}

/** The notebook as a transaction sees it, with its own changes. */
export class Draft {
  readonly changes = new Map<string, { readonly before: KeyValue | undefined; readonly after: KeyValue | undefined }>();
  readonly revision: Revision;
  readonly #notebook: Notebook;

  constructor(notebook: Notebook) {
    this.#notebook = notebook;
    this.revision = notebook.history.next;
  }

  entry(key: string): KeyValue | undefined {
    return this.changes.has(key) ? this.changes.get(key)?.after : this.#notebook.entries.get(key);
  }

  in(range: KeyRange): KeyValue[] {
    const keys = new Set([...this.#notebook.entries.keys(), ...this.changes.keys()]);
    return [...keys].filter((key) => range.contains(key)).flatMap((key) => this.entry(key) ?? []);
  }

  put(key: string, value: Uint8Array, lease: string | undefined): void {
    if (lease !== undefined) this.#notebook.leases.require(lease, 'not-applied');
    const before = this.entry(key);
    const { revision } = this;
    this.#change(key, {
      key,
      value: new Uint8Array(value),
      createRevision: before?.createRevision ?? revision,
      modRevision: revision,
      version: (before?.version ?? 0) + 1,
      ...(lease !== undefined && { lease }),
    });
  }

  deleteAll(keys: Iterable<string>): void {
    for (const key of [...keys].sort()) this.#change(key, undefined);
  }

  #change(key: string, after: KeyValue | undefined): void {
    this.changes.set(key, { before: this.#notebook.entries.get(key), after });
  }
}

/** One handle. It only translates: the kit follows, lists, evaluates and counts time. */
export class NotebookDriver implements StoreDriver {
  readonly name = 'notebook';
  readonly capabilities = CAPABILITIES;
  readonly watch: StoreDriver['watch'];
  readonly leases: DriverLeases;
  readonly #notebook: Notebook;

  constructor(notebook: Notebook, clock?: Clock) {
    this.#notebook = notebook;
    const { history, doorbell } = notebook;
    this.watch = followChanges({
      head: () => history.head(),
      changesSince: (after) => history.changesSince(after),
      doorbell,
      clock,
    });
    this.leases = driverLeases(notebook.leases, ({ keys }) =>
      notebook.write((draft) => {
        draft.deleteAll(keys);
      }),
    );
  }

  async list(range: KeyRange, options: DriverListOptions) {
    const notebook = this.#notebook;
    return notebook.inTurn(() => {
      const items = new Draft(notebook).in(range);
      return { ...listItems(items, options), bookmark: notebook.history.head() };
    });
  }

  async put(key: string, value: Uint8Array, options: DriverPutOptions, call: DriverCall) {
    const { results } = await this.txn({ if: [], then: [{ type: 'put', key, value, options }], else: [] }, call);
    const [result] = results;
    if (result?.type !== 'put') throw new Error('a put gives the result of a put');
    const { type: _, ...rest } = result;
    return rest;
  }

  async delete(range: KeyRange, options: DriverDeleteOptions, call: DriverCall) {
    const { results } = await this.txn({ if: [], then: [{ type: 'delete', range, options }], else: [] }, call);
    const [result] = results;
    if (result?.type !== 'delete') throw new Error('a delete gives the result of a delete');
    const { type: _, ...rest } = result;
    return rest;
  }

  async txn(txn: DriverTxn, _call: DriverCall) {
    const notebook = this.#notebook;
    return notebook.write((draft) =>
      runTxn(txn, {
        before: notebook.history.head(),
        entries: (range) => draft.in(range),
        put: (key, value, { lease }) => {
          draft.put(key, value, lease);
        },
        delete: (range) => {
          draft.deleteAll(draft.in(range).map(({ key }) => key));
        },
        revision: () => draft.revision,
        checkPut: (_key, { lease }) => lease !== undefined && notebook.leases.require(lease, 'not-applied'),
      }),
    );
  }

  async status() {
    const { identity, revision } = this.#notebook.history.head();
    return { version: '1', members: [], revision, identity };
  }

  async close(): Promise<void> {}
}
