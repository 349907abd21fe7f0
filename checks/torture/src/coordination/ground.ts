import * as coordination from '@holdfast/coordination';
import type { ConfigStore } from '@holdfast/store';
import { LiveTruth } from '../live-truth.js';
import type { Held, Outside, V3Api } from '../outside.js';
import { v3Source, type TruthSource } from '../truth-source.js';

/** What is under test. Another one takes its place to show that a checker finds what is wrong with it. */
export type Implementation = Pick<typeof coordination, 'openSession' | 'observeLeader'>;

export const holdfast: Implementation = coordination;

/** What coordinators stand on. */
export interface Ground {
  /** Everything of theirs is below this. */
  readonly prefix: string;
  /** The store under test. */
  readonly tested: ConfigStore;
  /** Past the faults of the store under test: an honest competitor uses it. */
  readonly direct: ConfigStore;
  /** What really happened below the prefix. */
  readonly truth: LiveTruth;
  /** What is there now, read without Holdfast. */
  held(prefix: string): Promise<Held>;
  /** The ids of all leases, in decimal digits, read without Holdfast. */
  leases(): Promise<ReadonlySet<string>>;
}

export interface Names {
  /** The last one lies below the first: it is another lock. */
  readonly locks: readonly [string, ...string[]];
  readonly election: string;
}

export function namesBelow(prefix: string): Names {
  return { locks: [`${prefix}import`, `${prefix}disk`, `${prefix}import/sub`], election: `${prefix}leader` };
}

export interface GroundOptions extends Pick<Ground, 'prefix' | 'tested' | 'direct' | 'leases'> {
  readonly outside: Outside;
  /** What the truth follows. */
  readonly endpoints: () => readonly string[];
  /** Tells of all keys that begin with a text. */
  readonly source: (above: string) => TruthSource;
}

/** On any store. Its truth has not begun. */
export function groundOf({ outside, endpoints, source, ...ground }: GroundOptions): Ground {
  const { prefix } = ground;
  const above = prefix.slice(0, -1);
  return {
    ...ground,
    truth: new LiveTruth(endpoints, outside, source(above), { prefix, marker: `${above}-marker` }),
    held: (below) => outside.held(below),
  };
}

/** On etcd. */
export function v3Ground({
  api,
  ...options
}: Omit<GroundOptions, 'source' | 'leases'> & { readonly api: V3Api }): Ground {
  return groundOf({
    ...options,
    source: (above) => v3Source(api, above),
    leases: async () => {
      const { leases = [] } = await api.call<{ leases?: readonly { readonly ID: string }[] }>('lease/leases', {});
      return new Set(leases.map(({ ID }) => ID));
    },
  });
}
