import { StoreError, type Bookmark, type ConfigStore, type WatchBatch } from '@holdfast/store';
import {
  createStore,
  DelegatingDriver,
  WatchPump,
  type DriverCall,
  type DriverLeases,
  type DriverTxn,
  type DriverWatch,
  type DriverWatchOptions,
  type KeyRange,
  type WatchSink,
} from '@holdfast/store/adapter';
import type { Clock } from '@holdfast/store';

export type Call = 'txn' | 'list' | 'grant' | 'revoke' | 'keepAlive' | 'delete';

/**
 * What becomes of a call: it passes; it fails and was certainly not sent; it is applied and its answer is lost; its answer is lost and it is
 * applied later, by `land()`; or nobody answers.
 */
export type Fate = 'pass' | 'not-sent' | 'answer-lost' | 'late' | 'silence' | StoreError;

/** A connection to a store, with faults. */
export class Link {
  /** Decides about each call. */
  fate: (call: Call, txn?: DriverTxn) => Fate = () => 'pass';
  readonly calls: Call[] = [];
  readonly late: (() => Promise<unknown>)[] = [];
  /** What open watches are to fail with. */
  readonly watches = new Set<WatchSink>();
  opened = 0;
  #silent = false;
  #gathered: { readonly sink: WatchSink; readonly batch: WatchBatch }[] | undefined;

  /** Nothing passes any more, in either direction. */
  fallSilent(): void {
    this.#silent = true;
  }

  /** Batches wait from now on, and come as one by the function that this returns: as after a moment without the network. */
  gather(): () => void {
    this.#gathered = [];
    return () => {
      const gathered = this.#gathered ?? [];
      this.#gathered = undefined;
      for (const sink of this.watches) {
        const batches = gathered.filter((each) => each.sink === sink).map(({ batch }) => batch);
        const last = batches.at(-1);
        if (last === undefined) continue;
        sink.push({ ...last, kind: 'events', events: batches.flatMap(({ events }) => events) }, 1);
      }
    };
  }

  take(sink: WatchSink, batch: WatchBatch): boolean {
    if (this.#gathered !== undefined && batch.events.length > 0) this.#gathered.push({ sink, batch });
    return this.#silent || this.#gathered !== undefined;
  }

  failWatches(error: StoreError): void {
    for (const sink of [...this.watches]) sink.fail(error);
  }

  /** The late writes arrive. */
  async land(): Promise<void> {
    for (const write of this.late.splice(0)) await write().catch(() => undefined);
  }

  async pass<T>(call: Call, { signal }: DriverCall, request: () => Promise<T>, txn?: DriverTxn): Promise<T> {
    this.calls.push(call);
    const fate = this.#silent ? 'silence' : this.fate(call, txn);
    switch (fate) {
      case 'pass':
        return request();
      case 'not-sent':
        throw new StoreError('unavailable', 'the connection is refused', { outcome: 'not-applied' });
      case 'answer-lost':
        await request().catch(() => undefined);
        throw new StoreError('unavailable', 'the connection was lost', { outcome: 'unknown' });
      case 'late':
        this.late.push(request);
        throw new StoreError('unavailable', 'the connection was lost', { outcome: 'unknown' });
      case 'silence':
        return new Promise<never>((_resolve, reject) => {
          signal?.addEventListener('abort', () => {
            reject(signal.reason as Error);
          });
        });
      default:
        throw fate;
    }
  }
}

/** A store behind a link. */
export function linked(store: ConfigStore, clock?: Clock): { readonly store: ConfigStore; readonly link: Link } {
  const link = new Link();
  return { store: createStore(new LinkedDriver(store, link), { clock }), link };
}

class LinkedDriver extends DelegatingDriver {
  readonly #link: Link;

  constructor(store: ConfigStore, link: Link) {
    super(store);
    this.#link = link;
  }

  protected override delegateLeases(store: ConfigStore): DriverLeases {
    const leases = super.delegateLeases(store);
    return {
      ...leases,
      grant: (ttl, id, call) => this.#link.pass('grant', call, () => leases.grant(ttl, id, call)),
      // What was sent goes on although its caller has gone.
      revoke: (id, call) => this.#link.pass('revoke', call, () => leases.revoke(id, { signal: undefined })),
      keepAlive: (id, call) => this.#link.pass('keepAlive', call, () => leases.keepAlive(id, call)),
    };
  }

  override txn(txn: DriverTxn, call: DriverCall) {
    return this.#link.pass('txn', call, () => super.txn(txn, { signal: undefined }), txn);
  }

  override delete(...args: Parameters<DelegatingDriver['delete']>) {
    return this.#link.pass('delete', args[2], () => super.delete(args[0], args[1], { signal: undefined }));
  }

  override list(...args: Parameters<DelegatingDriver['list']>) {
    return this.#link.pass('list', args[2], () => super.list(...args));
  }

  override watch(range: KeyRange, options: DriverWatchOptions, sink: WatchSink): DriverWatch {
    this.#link.opened += 1;
    const link = this.#link;
    const gated: WatchSink = {
      established: (after: Bookmark) => {
        sink.established(after);
      },
      interrupted: (cause) => {
        sink.interrupted(cause);
      },
      push: (batch: WatchBatch, bytes) => (link.take(gated, batch) ? 'ok' : sink.push(batch, bytes)),
      fail: (error) => {
        sink.fail(error);
      },
    };
    link.watches.add(gated);
    const pump = new WatchPump(this.store.watch(range.toRange(), options), gated);
    return {
      resume: () => {
        pump.resume();
      },
      close: async () => {
        link.watches.delete(gated);
        await pump.close();
      },
    };
  }
}
