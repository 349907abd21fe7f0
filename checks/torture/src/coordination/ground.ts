import * as coordination from '@holdfast/coordination';
import type { ConfigStore } from '@holdfast/store';
import { LiveTruth } from '../live-truth.js';
import type { Held, Outside, V3Api } from '../outside.js';
import { v3Source } from '../truth-source.js';

/** What is under test. Another one takes its place to show that a checker finds what is wrong with it. */
export type Implementation = Pick<typeof coordination, 'openSession' | 'observeLeader'>;

export const holdfast: Implementation = coordination;

/** What coordinators stand on. */
export interface Ground {
  /** Everything of theirs is below this. */
  readonly prefix: string;
  /** The store under test. */
  readonly tested: ConfigStore;
  /** Past all faults: an honest competitor uses it. */
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

export interface V3GroundOptions extends Pick<Ground, 'prefix' | 'tested' | 'direct'> {
  readonly api: V3Api;
  readonly outside: Outside;
  /** What the truth follows. */
  readonly endpoints: () => readonly string[];
}

/** On etcd. Its truth has not begun. */
export function v3Ground({ prefix, tested, direct, api, outside, endpoints }: V3GroundOptions): Ground {
  const above = prefix.slice(0, -1);
  return {
    prefix,
    tested,
    direct,
    truth: new LiveTruth(endpoints, outside, v3Source(api, above), { prefix, marker: `${above}-marker` }),
    held: (below) => outside.held(below),
    leases: async () => {
      const { leases = [] } = await api.call<{ leases?: readonly { readonly ID: string }[] }>('lease/leases', {});
      return new Set(leases.map(({ ID }) => ID));
    },
  };
}
