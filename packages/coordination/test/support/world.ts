import { memoryStore, type MemoryStore } from '@holdfast/memory';
import { eventually, Random, virtualClock, type VirtualClock } from '@holdfast/testkit';
import { openSession, type Session, type SessionOptions } from '../../src/index.js';
import { linked, type Link } from './link.js';
import type { ConfigStore } from '@holdfast/store';

/** A memory store on a clock that the test moves, and sessions on it, each behind a link of its own. */
export interface World {
  readonly clock: VirtualClock;
  readonly data: MemoryStore;
  session(
    options?: SessionOptions,
  ): Promise<{ readonly session: Session; readonly link: Link; readonly store: ConfigStore }>;
  /** Moves the clock by small steps until the promise settles, and gives its result. */
  passing<T>(pending: PromiseLike<T>, withinMs?: number): Promise<T>;
  /** Moves the clock by small steps until the assertion holds. */
  until(assertion: () => unknown, withinMs?: number): Promise<void>;
  /** The keys that there are. */
  keys(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export function world(seed = 1): World {
  const clock = virtualClock();
  const data = memoryStore({ clock });
  const random = new Random(seed);
  const sessions: Session[] = [];
  return {
    clock,
    data,
    async session(options = {}) {
      const { store, link } = linked(data, clock);
      const session = await openSession(store, { clock, random: () => random.next(), ...options });
      sessions.push(session);
      return { session, link, store };
    },
    async passing(pending, withinMs = 60_000) {
      let isDone = false;
      const done = () => {
        isDone = true;
      };
      pending.then(done, done);
      for (let waited = 0; waited < withinMs && !isDone; waited += 20) await clock.advance(20);
      // What is on its way without the clock has some real time; what never settles would wait for Jest's limit.
      await eventually(() => isDone, { timeoutMs: 5_000 });
      return pending;
    },
    async until(assertion, withinMs = 60_000) {
      for (let waited = 0; waited < withinMs; waited += 20) {
        try {
          if ((await assertion()) !== false) return;
        } catch {
          // Not yet.
        }
        await clock.advance(20);
      }
      await eventually(assertion, { timeoutMs: 1 });
    },
    async keys() {
      return (await data.list({ prefix: '' })).items.map(({ key }) => key);
    },
    async close() {
      await this.passing(Promise.all(sessions.map((session) => session.close().catch(() => undefined))));
      await eventually(() => data.watcherCount === 0);
      await data.close();
      await eventually(() => clock.pending === 0);
    },
  };
}
