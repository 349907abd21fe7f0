import { memoryStore, type MemoryStore } from '@holdfast/memory';
import type { ConfigStore } from '@holdfast/store';
import { decodeUtf8 } from '@holdfast/store/adapter';
import { virtualClock, type VirtualClock } from '@holdfast/testkit';
import { replicate, type ReplicateOptions, type Replication } from '../../src/replicate/index.js';
import { faultyStore, type Faults } from './faulty-store.js';

export const FROM = '/a/';
export const TO = '/b/';
const MOST_MS = 120_000;

/** What a store has under a prefix, as text by relative key. */
export async function held(store: ConfigStore, prefix: string): Promise<Record<string, string>> {
  const { items } = await store.list({ prefix });
  return Object.fromEntries(items.map(({ key, value }) => [key.slice(prefix.length), decodeUtf8(value) ?? '(binary)']));
}

/** The keys that a replication keeps beside the data. */
export async function kept(store: ConfigStore): Promise<readonly string[]> {
  const { items } = await store.list({ prefix: '/holdfast/' }, { keysOnly: true });
  return items.map(({ key }) => key);
}

/** Two memory stores on a clock that a test moves; the faults are between a replicator and its stores. */
export interface Pair extends AsyncDisposable {
  readonly clock: VirtualClock;
  readonly source: MemoryStore;
  readonly target: MemoryStore;
  readonly sourceFaults: Faults;
  readonly targetFaults: Faults;
  /** Moves the clock until the work is done. */
  readonly run: <T>(work: Promise<T>) => Promise<T>;
  start(options?: Partial<ReplicateOptions>): Promise<Replication>;
  /** {@link start}, while the test moves the clock. */
  begin(options?: Partial<ReplicateOptions>): Promise<Replication>;
  /** Stops what was started, and waits for it. */
  close(): Promise<void>;
}

interface PairOptions {
  readonly target?: ConfigStore;
  readonly source?: ConfigStore;
  /** Default: one of its own. */
  readonly clock?: VirtualClock;
}

export function pair(options: PairOptions = {}): Pair {
  const clock = options.clock ?? virtualClock();
  const source = memoryStore({ clock, identity: 'source' });
  const target = memoryStore({ clock, identity: 'target' });
  const from = faultyStore(options.source ?? source);
  const to = faultyStore(options.target ?? target);
  const started: Replication[] = [];
  const run = async <T>(work: Promise<T>): Promise<T> => {
    let isDone = false;
    const settled = work.then(
      () => (isDone = true),
      () => (isDone = true),
    );
    for (let waited = 0, step = 20; !isDone; waited += step) {
      if (waited > MOST_MS) throw new Error(`not done within ${MOST_MS} ms of the test's clock`);
      // Larger steps where it waits: a minute would take thousands of small ones. Not too large: leases must not run out meanwhile.
      step = waited < 1_000 ? 20 : 200;
      await clock.advance(step);
    }
    await settled;
    return work;
  };
  const close = async () => {
    from.faults.end();
    to.faults.end();
    await run(Promise.all(started.map((each) => each.close())));
    await source.close();
    await target.close();
  };
  const begin = async (given: Partial<ReplicateOptions> = {}) => {
    const replication = await replicate(from.store, to.store, {
      prefix: FROM,
      targetPrefix: TO,
      name: 'test',
      clock,
      random: () => 0.5,
      ...given,
    });
    started.push(replication);
    return replication;
  };
  return {
    clock,
    source,
    target,
    sourceFaults: from.faults,
    targetFaults: to.faults,
    run,
    start: (given) => run(begin(given)),
    begin,
    close,
    [Symbol.asyncDispose]: close,
  };
}
