import { memoryStore, type MemoryStore } from '@holdfast/memory';
import type { ConfigStore } from '@holdfast/store';
import { decodeUtf8 } from '@holdfast/store/adapter';
import { eventually, virtualClock, type VirtualClock } from '@holdfast/testkit';
import { expect } from '@jest/globals';
import { type Change, type CommonOptions, json, mirror, type Mirror } from '../../src/index.js';
import { likeV2, type Script, scriptedStore } from './scripted-store.js';

/** What the tests' values are. */
export interface Thing {
  readonly n: number;
}

export const PREFIX = '/things/';

export function thing(n: number): string {
  return JSON.stringify({ n });
}

/** What a mirror of {@link Thing}s shows, as plain data. */
export function shown(mirrored: Iterable<[string, { readonly value: unknown; readonly modRevision: number }]>) {
  return Object.fromEntries([...mirrored].map(([key, { value, modRevision }]) => [key, { value, modRevision }]));
}

/** What a store holds under the prefix, in the same form. */
export async function held(store: ConfigStore, prefix = PREFIX) {
  const { items } = await store.list({ prefix });
  return Object.fromEntries(
    items.map(({ key, value, modRevision }) => [
      key.slice(prefix.length),
      { value: JSON.parse(decodeUtf8(value) ?? '') as unknown, modRevision },
    ]),
  );
}

/** A memory store behind a script, on a clock that a test moves, with a mirror of what is under {@link PREFIX}. */
export interface World {
  readonly clock: VirtualClock;
  /** The data itself: what is written here is the truth. */
  readonly data: MemoryStore;
  /** What mirrors are made on. */
  readonly store: ConfigStore;
  readonly script: Script;
  /** Moves the clock by small steps until the assertion holds. */
  until(assertion: () => unknown, withinMs?: number): Promise<void>;
  open(options?: CommonOptions<Change<Thing>> & { readonly schema?: unknown }): Promise<Mirror<Thing>>;
  close(): Promise<void>;
}

function openThings(store: ConfigStore, options: object): Promise<Mirror<Thing>> {
  return mirror(store, { prefix: PREFIX, codec: json<Thing>(), random: () => 0.5, ...options });
}

export function world(kind: 'like-v3' | 'like-v2' = 'like-v3'): World {
  const clock = virtualClock();
  const data = memoryStore({ clock });
  const { store, script } = kind === 'like-v2' ? likeV2(data) : scriptedStore(data);
  const opened: Mirror<Thing>[] = [];
  return {
    clock,
    data,
    store,
    script,
    async until(assertion, withinMs = 60_000) {
      for (let waited = 0; waited < withinMs; waited += 20) {
        try {
          if ((await assertion()) !== false) return;
        } catch {
          // Not yet.
        }
        await clock.advance(20);
      }
      expect(await assertion()).not.toBe(false);
    },
    async open(options = {}) {
      const pending = openThings(store, { clock, ...options });
      let isDone = false;
      const settled = pending.then(
        () => (isDone = true),
        () => (isDone = true),
      );
      while (!isDone) await clock.advance(20);
      await settled;
      const mirrored = await pending;
      opened.push(mirrored);
      return mirrored;
    },
    async close() {
      await Promise.all(opened.map((mirrored) => mirrored.close()));
      await store.close();
      await eventually(() => {
        expect(data.watcherCount).toBe(0);
      });
      await data.close();
      // M11: whatever a test did, nothing of a mirror is left.
      await eventually(() => {
        expect(clock.pending).toBe(0);
      });
    },
  };
}
