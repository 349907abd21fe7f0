import { memoryStore, type MemoryStore } from '@holdfast/memory';
import { type Clock, type ConfigStore, type Page, StoreError } from '@holdfast/store';
import { createStore, decodeUtf8, DelegatingDriver, toValueBytes } from '@holdfast/store/adapter';
import { eventually, type Random, type VirtualClock } from '@holdfast/testkit';
import { type CommonOptions, json, mirror, type Mirror, type SnapshotStore } from '../../src/index.js';
import type { SnapshotContent } from '../../src/snapshot/file/read-snapshot.js';

export const AT = '/etc/app/config.snapshot';

/** A logger that notes what it gets. */
export function notes() {
  const lines: string[] = [];
  const note = (line: string) => void lines.push(line);
  return { lines, logger: { debug: () => undefined, info: note, warn: note, error: note } };
}

/** A view of a store that can be taken away. */
export function switchable(data: ConfigStore): { readonly store: ConfigStore; down: boolean; reads: number } {
  const link = { store: data, down: true, reads: 0 };
  class Link extends DelegatingDriver {
    override async *scan(...call: Parameters<DelegatingDriver['scan']>): AsyncIterable<Page> {
      check();
      yield* super.scan(...call);
    }

    override list(...call: Parameters<DelegatingDriver['list']>): ReturnType<DelegatingDriver['list']> {
      check();
      return super.list(...call);
    }
  }
  const check = () => {
    if (link.down) throw new StoreError('unavailable', 'nothing answers');
    link.reads += 1;
  };
  link.store = createStore(new Link(data));
  return link;
}

/** Everything that a mirror shows and lists, as text. */
export function stateOf(mirrored: Mirror<unknown>): string {
  const good = [...mirrored].map(([key, { value, modRevision }]) => [key, modRevision, value]);
  const bad = mirrored.problems().map(({ key, rawKey, revision }) => [key ?? String(rawKey), revision]);
  return JSON.stringify([good.sort(), bad.sort()]);
}

/** The same of a snapshot. */
export function stateIn({ entries, problems }: SnapshotContent, prefix: string): string {
  const good = entries.map(({ key, value, modRevision }) => [
    key.slice(prefix.length),
    modRevision,
    JSON.parse(decodeUtf8(value) ?? '') as unknown,
  ]);
  const bad = problems.map(({ key, rawKey, revision }) => [key?.slice(prefix.length) ?? String(rawKey), revision]);
  return JSON.stringify([good.sort(), bad.sort()]);
}

/** What was shown at the revision of a snapshot: the state of the last change up to there. */
export function stateAt(states: ReadonlyMap<number, string>, { header }: SnapshotContent): string | undefined {
  const upTo = header?.bookmark.revision ?? 0;
  return states.get(Math.max(...[...states.keys()].filter((revision) => revision <= upTo)));
}

/** Moves a clock by small steps until a promise has settled. */
export async function moving<T>(clock: VirtualClock, pending: Promise<T>): Promise<T> {
  let isDone = false;
  const settled = () => {
    isDone = true;
  };
  pending.then(settled, settled);
  while (!isDone) await clock.advance(20);
  return pending;
}

/** Moves a clock by small steps until a condition holds. */
export async function until(clock: VirtualClock, condition: () => unknown, withinMs = 120_000): Promise<void> {
  for (let waited = 0; waited < withinMs; waited += 20) {
    if ((await condition()) === true) return;
    await clock.advance(20);
  }
  throw new Error('the condition does not hold');
}

/** One random transaction on some keys: puts, bad values, deletions. */
export async function write(store: ConfigStore, random: Random, prefix: string, keys = 20): Promise<void> {
  const used = new Set<string>();
  const then = Array.from({ length: random.between(1, 4) }, () => {
    const key = `${prefix}k${random.below(keys)}${random.chance(0.1) ? 'ü' : ''}`;
    if (used.has(key)) return undefined;
    used.add(key);
    if (random.chance(0.2)) return { type: 'delete', range: { key } } as const;
    const value = random.chance(0.15) ? 'not json' : JSON.stringify('v'.repeat(random.below(60)) + random.below(1e6));
    return { type: 'put', key, value: toValueBytes(value, 'value') } as const;
  });
  await store.txn({ if: [], then: then.filter((op) => op !== undefined), else: [] });
}

/** A mirror of random writes with a snapshot, and every state that it has shown, by revision. */
export async function running(
  snapshot: SnapshotStore,
  options: CommonOptions<never> & { readonly store?: MemoryStore } = {},
) {
  const { store = memoryStore(), ...rest } = options;
  const states = new Map<number, string>();
  const mirrored = await mirror(store, {
    prefix: '/a/',
    codec: json(),
    snapshot,
    saveAfterMs: 10,
    ...(rest as object),
  });
  const note = () => states.set(mirrored.revision, stateOf(mirrored));
  note();
  mirrored.on('change', note);
  mirrored.on('invalid', note);
  const settle = () =>
    eventually(async () => {
      await mirrored.sync();
      note();
    });
  return { store, mirrored, states, settle };
}

/** A wall clock, which can be set, that stands in for a monotonic one. */
export function wallClock(clock: VirtualClock): Clock & { offset: number } {
  const wall = {
    offset: 0,
    now: () => clock.now() + wall.offset,
    setTimeout: (callback: () => void, ms: number) => clock.setTimeout(callback, ms),
    clearTimeout: (handle: unknown) => {
      clock.clearTimeout(handle);
    },
  };
  return wall;
}
