import type { Bookmark, CallOptions, ConfigStore } from '@holdfast/store';
import { bytesEqual, checkStore, quoted, safeRandom, sleep } from '@holdfast/store/adapter';
import { checkCapabilities } from '../capabilities.js';
import { checkName, queuePrefix } from '../names.js';
import { Caller } from '../util/caller.js';
import { checkSessionClock, type SessionClock } from '../util/elapsed.js';
import { OpenIteration } from '../util/open-iteration.js';
import { checkCallOptions, limitsOf, withLimits } from '../util/limits.js';
import { needsRead, WatchTrouble } from '../util/watch-trouble.js';
import type { Leader } from './leader.js';
import { byRevision, Tally } from './tally.js';

/** Options of {@link observeLeader}. `timeoutMs` bounds the wait for the present leader, `signal` ends the observation with `aborted`. */
export interface ObserveOptions extends CallOptions {
  /** Default: the system's. */
  readonly clock?: SessionClock | undefined;
  /** Gives a number in [0, 1), for delays. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/**
 * Tells who leads an election: the present leader first, then every leader in order, none twice; and the same leader again with each value that it
 * proclaims. `undefined`: nobody leads. After a compaction, another history or a mistake of the store it tells the present leader, marked `gap: true`;
 * where nobody leads then, the next one is marked. `return()`, as by `break`, ends the observation at once, also while a leader is awaited.
 *
 * @throws StoreError, from the iteration: `aborted`, `timeout`, `unsupported`, `invalid-argument`, and refusals of the store
 */
export function observeLeader(
  store: ConfigStore,
  name: string,
  options: ObserveOptions = {},
): AsyncGenerator<Leader | undefined, void, undefined> {
  return new OpenIteration((left) => leaders(store, name, options, left));
}

async function* leaders(
  store: ConfigStore,
  name: string,
  options: ObserveOptions,
  left: AbortSignal,
): AsyncGenerator<Leader | undefined, void, undefined> {
  checkStore(store, 'observeLeader()');
  checkName(name, 'an election');
  const limits = checkCallOptions(options, 'observeLeader()', ['clock', 'random']) as CallOptions;
  checkCapabilities(store, 'observeLeader()', ['transactions', 'leases', 'watches']);
  const clock = checkSessionClock(options.clock);
  const caller = new Caller(store, clock, safeRandom(options.random));
  const what = `the leader of election ${quoted(name)}`;
  const whole = limitsOf({ signal: limits.signal }, { clock, what, life: left });
  try {
    const observation = new Observation(caller, name, whole.signal);
    let present = await withLimits(limits, { clock, what, life: left }, (signal) => observation.read(signal));
    yield told(present);
    /** There was a gap, and no leader was told since. */
    let isGap = false;
    for (;;) {
      for await (const next of observation.follow()) {
        if (isSame(present, next)) continue;
        present = next;
        yield isGap ? afterGap(next) : told(next);
        isGap &&= next === undefined;
      }
      const next = await observation.read(whole.signal);
      isGap = next === undefined;
      if (isGap && present === undefined) continue;
      present = next;
      yield afterGap(next);
    }
  } finally {
    whole.end();
  }
}

/** Reads of an election, and what followed from each. */
class Observation {
  readonly #caller: Caller;
  readonly #name: string;
  readonly #signal: AbortSignal;
  readonly #trouble: WatchTrouble;
  #tally: Tally;
  #bookmark: Bookmark | undefined;

  constructor(caller: Caller, name: string, signal: AbortSignal) {
    this.#caller = caller;
    this.#name = name;
    this.#signal = signal;
    this.#trouble = new WatchTrouble(caller.clock, caller.backoff());
    this.#tally = new Tally(name, []);
  }

  async read(signal: AbortSignal): Promise<Leader | undefined> {
    const range = { prefix: queuePrefix(this.#name) };
    const list = await this.#caller.insist((own) => this.#caller.store.list(range, { signal: own }), signal);
    this.#tally = new Tally(this.#name, list.items);
    this.#bookmark = list.bookmark;
    return this.#tally.leader(list.bookmark);
  }

  /** The leader after each revision. Ends where only a new read can tell who leads. */
  async *follow(): AsyncGenerator<Leader | undefined, void, undefined> {
    const signal = this.#signal;
    for (;;) {
      try {
        const range = { prefix: queuePrefix(this.#name) };
        for await (const { bookmark, events } of this.#caller.store.watch(range, { after: this.#bookmark, signal })) {
          for (const group of byRevision(events)) {
            for (const event of group) this.#tally.apply(event);
            yield this.#tally.leader(bookmark);
          }
          this.#bookmark = bookmark;
          this.#trouble.over();
        }
        // A watch ends so only where somebody closed it.
        return;
      } catch (error) {
        signal.throwIfAborted();
        await sleep(this.#caller.clock, this.#trouble.pauseAfter(error), signal);
        if (needsRead(error)) return;
      }
    }
  }
}

/** As it is told: with bytes that the receiver may change. */
function told(leader: Leader | undefined): Leader | undefined {
  return leader && { ...leader, value: new Uint8Array(leader.value) };
}

function afterGap(leader: Leader | undefined): Leader | undefined {
  return leader && { ...leader, value: new Uint8Array(leader.value), gap: true };
}

function isSame(a: Leader | undefined, b: Leader | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  const { revision, identity } = a.token;
  return revision === b.token.revision && identity === b.token.identity && bytesEqual(a.value, b.value);
}
