// A second replicator that starts beside the first one, while the source is written.
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { ConfigStore, KeyValue, ListResult, WatchBatch } from '@holdfast/store';
import {
  DelegatingDriver,
  type DriverCall,
  type DriverGetOptions,
  type DriverListOptions,
  type DriverWatch,
  type DriverWatchOptions,
  GuardedStore,
  type KeyRange,
  sleep,
  type WatchSink,
} from '@holdfast/store/adapter';
import { replicate, type ReplicateOptions, type Replication } from '../../src/replicate/index.js';
import { likeV2 } from '../support/scripted-store.js';
import { FROM, held, pair, type Pair, TO } from './support.js';

/** A source whose events are late: they wait until something else is read from it. */
class LateEvents extends DelegatingDriver {
  isLate = false;
  /** What each read waits for. */
  beforeRead: () => Promise<void> = () => Promise.resolve();
  #waiting: (() => void)[] = [];

  override watch(range: KeyRange, options: DriverWatchOptions, sink: WatchSink): DriverWatch {
    return super.watch(range, options, {
      established: (after) => {
        sink.established(after);
      },
      interrupted: (cause) => {
        sink.interrupted(cause);
      },
      fail: (error) => {
        sink.fail(error);
      },
      push: (batch: WatchBatch, budget) => {
        if (!this.isLate) return sink.push(batch, budget);
        this.#waiting.push(() => sink.push(batch, budget));
        return 'ok';
      },
    });
  }

  override async list(range: KeyRange, options: DriverListOptions, call: DriverCall): Promise<ListResult> {
    await this.beforeRead();
    this.#release();
    return super.list(range, options, call);
  }

  override async get(key: string, options: DriverGetOptions, call: DriverCall): Promise<KeyValue | undefined> {
    await this.beforeRead();
    this.#release();
    return super.get(key, options, call);
  }

  #release(): void {
    this.isLate = false;
    for (const push of this.#waiting.splice(0)) push();
  }
}

/** A target at which something happens before the first read. */
class HookedTarget extends DelegatingDriver {
  before: (() => Promise<void>) | undefined;

  override async get(key: string, options: DriverGetOptions, call: DriverCall): Promise<KeyValue | undefined> {
    const { before } = this;
    this.before = undefined;
    await before?.();
    return super.get(key, options, call);
  }
}

let world: Pair;

beforeEach(() => {
  world = pair();
});

afterEach(async () => {
  await world.close();
});

/** Starts a second replicator of the same name. */
function startSecond(
  source: ConfigStore,
  target: HookedTarget,
  more: Partial<ReplicateOptions> = {},
): Promise<Replication> {
  const { clock, run } = world;
  const options = { prefix: FROM, targetPrefix: TO, name: 'test', clock, random: () => 0.5, ...more };
  return run(replicate(source, new GuardedStore(target), options));
}

it('takes over from a first one that was quicker, and takes the source for no other one', async () => {
  const { source, target, run } = world;
  await source.put('/a/1', 'one');
  const first = await world.start();
  const late = new LateEvents(source);
  const hooked = new HookedTarget(target);
  // The second one has loaded the source. Before it has the record, the first one carries over what the second one has not seen.
  hooked.before = async () => {
    late.isLate = true;
    await source.put('/a/2', 'two');
    await run(first.sync());
  };
  const second = await startSecond(new GuardedStore(late), hooked);
  await source.put('/a/3', 'three');
  await run(second.sync());
  expect(await held(target, TO)).toEqual({ 1: 'one', 2: 'two', 3: 'three' });
  await run(second.close());
});

it('waits for a slow source, since the first one has stopped by then', async () => {
  const { source, target, clock, run } = world;
  await source.put('/a/1', 'one');
  const first = await world.start();
  const late = new LateEvents(source);
  const hooked = new HookedTarget(target);
  hooked.before = async () => {
    late.isLate = true;
    // Longer than the start may take.
    late.beforeRead = () => sleep(clock, 3_000);
    await source.put('/a/2', 'two');
    await run(first.sync());
  };
  const second = await startSecond(new GuardedStore(late), hooked, { startTimeoutMs: 2_000 });
  expect(await held(target, TO)).toEqual({ 1: 'one', 2: 'two' });
  late.beforeRead = () => Promise.resolve();
  await run(second.close());
});

it('needs nothing more of the source where it has all that was carried over', async () => {
  const { source, target, run } = world;
  await source.put('/a/1', 'one');
  const first = await world.start();
  await run(first.close());
  const { store, script } = likeV2(source);
  const hooked = new HookedTarget(target);
  hooked.before = async () => {
    script.beforeRead = () => new Promise(() => undefined);
  };
  const second = await startSecond(store, hooked);
  expect(second.state.status).toBe('following');
  await run(second.close());
});

it('puts nothing back where the record is gone that tells how far the first one came', async () => {
  const { source, target, run } = world;
  await source.put('/a/1', 'one');
  const first = await world.start();
  const late = new LateEvents(source);
  const hooked = new HookedTarget(target);
  hooked.before = async () => {
    late.isLate = true;
    await source.put('/a/1', 'two');
    await run(first.sync());
    await target.delete('/holdfast/replicate/test');
  };
  const second = await startSecond(new GuardedStore(late), hooked);
  expect(second.conflicts()).toEqual([]);
  expect(await held(target, TO)).toEqual({ 1: 'two' });
  await run(second.close());
});
