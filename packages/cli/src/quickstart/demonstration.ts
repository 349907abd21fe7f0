import { mirror, type ChangeEvent, type ChangeIn, type ResyncEvent } from '@holdfast/core';
import { isStoreError, type ConfigStore, type Revision } from '@holdfast/store';
import { createStore, DelegatingDriver } from '@holdfast/store/adapter';
import { describe, entryAt, everything, pathOf, placeOf, type Gateway } from './gateway-view.js';
import type { OwnPrefix } from './own-prefix.js';
import { Partition } from './partition.js';
import type { Plan } from './plan.js';
import { count, show, since, type Printer } from './printer.js';
import { whyNotCompacted } from './shared-history.js';

export interface DemonstrationOptions {
  readonly store: ConfigStore;
  readonly plan: Plan;
  readonly own: OwnPrefix;
  readonly out: Printer;
  /** Whether the demonstration may compact the history, which concerns the whole store. */
  readonly compact: boolean;
}

type Step = ChangeEvent<ChangeIn<string, unknown>>;

/** The mirror's `livenessMs`: short, so that the demonstration is short. */
const LIVENESS_MS = 1_000;

/**
 * The main job, step by step. Each step checks its own claims, and throws if the mirror differs from the store: everything that it
 * prints has happened.
 */
export class Demonstration {
  /** The handle of another client, which writes. It stays connected while step 5 cuts the mirror off. */
  readonly #store: ConfigStore;
  readonly #plan: Plan;
  readonly #own: OwnPrefix;
  readonly #out: Printer;
  readonly #compact: boolean;
  readonly #partition: Partition;
  /** The mirror's handle. */
  readonly #connection: ConfigStore;
  #gateway: Gateway | undefined;

  constructor({ store, plan, own, out, compact }: DemonstrationOptions) {
    this.#store = createStore(new DelegatingDriver(store));
    this.#plan = plan;
    this.#own = own;
    this.#out = out;
    this.#compact = compact;
    this.#partition = new Partition(store);
    this.#connection = createStore(this.#partition);
  }

  async run(): Promise<void> {
    const gateway = await this.#load();
    this.#gateway = gateway;
    await this.#liveChange(gateway);
    if (this.#store.capabilities.transactions === 'multi-key') await this.#transaction(gateway);
    else await this.#guardedWrites(gateway);
    await this.#badValue(gateway);
    await this.#resync(gateway);
    await this.#compare(gateway);
  }

  /** Stops the demonstration. Nothing is read or written afterwards. The given store stays open. */
  async close(): Promise<void> {
    await this.#gateway?.close();
    await this.#connection.close();
    await this.#store.close();
  }

  async #load(): Promise<Gateway> {
    this.#out.heading('1  Load: one read of everything, then a watch from exactly there');
    await this.#own.fill(this.#plan.entries);
    const began = performance.now();
    const gateway = await mirror(this.#connection, {
      prefix: this.#own.key(this.#plan.prefix),
      collections: this.#plan.collections,
      livenessMs: LIVENESS_MS,
      startTimeoutMs: 60_000,
    });
    const { size } = everything(gateway, this.#plan);
    this.#out.line(`${count(size, 'entry')} in memory after ${since(began)}, as of revision ${gateway.revision}`);
    const sizes = Object.keys(this.#plan.collections).map((name) => `${name} ${gateway.collections[name]?.size ?? 0}`);
    this.#out.line(sizes.join(', '));
    return gateway;
  }

  async #liveChange(gateway: Gateway): Promise<void> {
    this.#out.heading('2  A live change: somebody else writes, and the value is here');
    const { key, value } = this.#plan.liveChange;
    const place = placeOf(this.#plan, key);
    const began = performance.now();
    const { revision } = await this.#store.put(this.#own.key(key), value);
    await gateway.waitFor(revision);
    const entry = entryAt(gateway, place);
    check(entry?.modRevision === revision, `${key} is not in the mirror as of revision ${revision}`);
    this.#out.line(`put ${pathOf(place)}: in memory ${since(began)} after the write began, at revision ${revision}`);
    this.#out.line(`${pathOf(place)} is ${show(entry?.value)}`);
  }

  async #transaction(gateway: Gateway): Promise<void> {
    const puts = this.#plan.together;
    this.#out.heading(`3  A transaction over ${count(puts.length, 'key')} is seen at once, in all collections`);
    const steps = recorded<Step>();
    gateway.on('change', steps.record);
    const { revision } = await this.#store.txn({
      then: puts.map(({ key, value }) => ({ type: 'put', key: this.#own.key(key), value })),
    });
    await gateway.waitFor(revision);
    gateway.off('change', steps.record);
    const [step] = steps.all;
    check(steps.all.length === 1 && step?.changes.length === puts.length, 'the transaction was seen in parts');
    this.#out.line(`one change event, revision ${revision}: ${step?.changes.map(describe).join(', ')}`);
  }

  /** Replaces step 3 on stores without transactions over several keys. */
  async #guardedWrites(gateway: Gateway): Promise<void> {
    this.#out.heading(
      '3  Guarded writes: this store has no transactions, but nobody overwrites what they have not seen',
    );
    for (const { key, value } of this.#plan.together) {
      const place = placeOf(this.#plan, key);
      const seen = entryAt(gateway, place);
      const guard = seen === undefined ? { ifAbsent: true as const } : { ifModRevision: seen.modRevision };
      const first = await this.#store.put(this.#own.key(key), value, guard);
      const second = await this.#store.put(this.#own.key(key), value, guard);
      check(first.succeeded && !second.succeeded, `of two guarded writes of ${key} not exactly one was made`);
      if (first.succeeded) await gateway.waitFor(first.revision);
      const condition = seen === undefined ? 'if it is absent' : `if it is still of revision ${seen.modRevision}`;
      this.#out.line(`put ${pathOf(place)} ${condition}, twice: the first is written, the second refused`);
    }
  }

  async #badValue(gateway: Gateway): Promise<void> {
    this.#out.heading('4  A bad value is kept out and listed; the last good one stays');
    const { key, value } = this.#plan.badValue;
    const place = placeOf(this.#plan, key);
    if (typeof value !== 'string' && !this.#store.capabilities.binaryValues) {
      const refused = await this.#store.put(this.#own.key(key), value).catch((error: unknown) => error);
      check(isStoreError(refused, 'invalid-argument'), `bytes that are not text were written to ${key}`);
      this.#out.line(`put ${pathOf(place)}: bytes that are not text, which this store refuses to take`);
      return;
    }
    const before = entryAt(gateway, place);
    const { revision } = await this.#store.put(this.#own.key(key), value);
    await gateway.waitFor(revision);
    const problems = gateway.problems();
    const problem = problems.find((each) => each.collection === place.collection && each.key === place.key);
    check(problem?.revision === revision, `the bad value of ${key} is not listed`);
    check(entryAt(gateway, place) === before, `the bad value of ${key} has replaced the good one`);
    this.#out.line(`put ${pathOf(place)}: ${typeof value === 'string' ? show(value) : 'bytes that are not text'}`);
    this.#out.line(`${pathOf(place)} is still ${show(before?.value)}`);
    this.#out.line(`problems(): ${pathOf(place)} ${problem?.reason ?? ''}`);
  }

  async #resync(gateway: Gateway): Promise<void> {
    this.#out.heading(
      this.#compact
        ? '5  Cut off for longer than the history reaches: a resync brings the net changes, and no more'
        : '5  Cut off, and back: what was missed comes, and nothing twice',
    );
    const before = everything(gateway, this.#plan);
    const cutAt = gateway.revision;
    await this.#partition.cut();
    const { writes, revision } = await this.#writeUnseen();
    if (this.#compact) await this.#store.compact(revision);
    const compacted = this.#compact ? `, then the history up to ${revision} is compacted` : '';
    this.#out.line(`cut off at revision ${cutAt}; meanwhile ${count(writes, 'write')} by others${compacted}`);
    if (!this.#compact) this.#out.line(whyNotCompacted(this.#store));
    await becomes(gateway, 'stale');
    this.#out.line(`the mirror's state is stale, and its ${count(before.size, 'entry')} are served all the same`);

    const steps = recorded<Step>();
    const resyncs = recorded<ResyncEvent>();
    gateway.on('change', steps.record).on('resync', resyncs.record);
    const began = performance.now();
    this.#partition.heal();
    await gateway.waitFor(revision);
    const took = since(began);
    await becomes(gateway, 'live');
    gateway.off('change', steps.record).off('resync', resyncs.record);
    const changes = steps.all.flatMap((step) => step.changes);
    const [resync] = resyncs.all;
    check(
      !this.#compact || (resync !== undefined && steps.all.length === 1),
      'the compaction was not answered by a resync',
    );
    const how = resync === undefined ? 'the watch resumed' : `resync (${resync.reason})`;
    this.#out.line(
      `connected again: ${how} after ${took}, ${count(changes.length, 'change')}: ${changes.map(describe).join(', ')}`,
    );
    const after = everything(gateway, this.#plan);
    const kept = [...after].filter(([path, entry]) => before.get(path) === entry).length;
    this.#out.line(`the other ${count(kept, 'entry')} are the same objects as before`);
  }

  /** Writes that the mirror can't see: one key twice, one that is deleted again, and a deletion. */
  async #writeUnseen(): Promise<{ writes: number; revision: Revision }> {
    const { changed, shortLived, deleted } = this.#plan.missed;
    for (const { key, value } of [...changed, shortLived]) await this.#store.put(this.#own.key(key), value);
    await this.#store.delete(this.#own.key(shortLived.key));
    const { revision } = await this.#store.delete(this.#own.key(deleted));
    return { writes: changed.length + 3, revision };
  }

  /** Reads the store again, and compares the mirror with it: every key, and the revision of its value. */
  async #compare(gateway: Gateway): Promise<void> {
    await gateway.sync();
    const { items } = await this.#store.list({ prefix: this.#own.key(this.#plan.prefix) }, { keysOnly: true });
    const bad = new Set(gateway.problems().map(({ collection = '', key = '' }) => pathOf({ collection, key })));
    const shown = everything(gateway, this.#plan);
    const good = items.filter(({ key, modRevision }) => {
      const path = pathOf(placeOf(this.#plan, key.slice(this.#own.path.length)));
      check(
        bad.has(path) || shown.get(path)?.modRevision === modRevision,
        `${key} is not in the mirror as in the store`,
      );
      return !bad.has(path);
    });
    const goodShown = [...shown.keys()].filter((path) => !bad.has(path));
    check(goodShown.length === good.length, 'the mirror shows entries that the store does not hold');
    const listed = bad.size === 0 ? '' : `, ${count(bad.size, 'bad value')} listed in problems()`;
    this.#out.heading(`The mirror equals the store: ${count(good.length, 'entry')}${listed}`);
  }
}

function recorded<Event>(): { readonly all: Event[]; readonly record: (event: Event) => void } {
  const all: Event[] = [];
  return { all, record: (event) => void all.push(event) };
}

/** Resolves when the mirror's state has that status. */
async function becomes(gateway: Gateway, status: 'live' | 'stale'): Promise<void> {
  if (gateway.state.status === status) return;
  await new Promise<void>((resolve) => {
    const onState = (state: Gateway['state']) => {
      if (state.status !== status) return;
      gateway.off('state', onState);
      resolve();
    };
    gateway.on('state', onState);
  });
}

function check(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(`Holdfast broke a promise: ${otherwise}. Please report it.`);
}
