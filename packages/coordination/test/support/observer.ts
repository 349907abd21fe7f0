import type { ConfigStore } from '@holdfast/store';
import type { Clock } from '@holdfast/store';
import { observeLeader, type Leader } from '../../src/index.js';

/** What an observer was told: a leader's value, `'-'` for nobody, with `gap:` before it where it was marked so. */
export interface Observer {
  readonly told: readonly (Leader | undefined)[];
  readonly values: readonly string[];
  readonly ended: Promise<unknown>;
  stop(): Promise<unknown>;
}

export function observe(store: ConfigStore, name: string, clock?: Clock): Observer {
  const told: (Leader | undefined)[] = [];
  const controller = new AbortController();
  const run = async () => {
    for await (const leader of observeLeader(store, name, { signal: controller.signal, clock })) told.push(leader);
  };
  const ended = run().catch((error: unknown) => error);
  return {
    told,
    get values() {
      return told.map((leader) =>
        leader === undefined ? '-' : `${leader.gap === true ? 'gap:' : ''}${Buffer.from(leader.value).toString()}`,
      );
    },
    ended,
    stop: () => {
      controller.abort();
      return ended;
    },
  };
}
