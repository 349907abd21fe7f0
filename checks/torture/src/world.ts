import type { BaseMirror, Change } from '@holdfast/core';
import type { ConfigStore } from '@holdfast/store';
import type { Balancer, Etcd, MemberLinks, Proxy } from '@holdfast/testkit';
import type { Cell } from './cell.js';
import type { Outside } from './outside.js';
import type { CampaignSettings } from './settings.js';
import type { Value } from './values.js';

/** Everything that is written, mirrored and watched is below this. Faults may write elsewhere, such as below `/foreign/`. */
export const PREFIX = '/t/';
/** Sessions, locks and elections are below this: mirrors don't show them. */
export const COORDINATION = '/c/';

/** A running cluster with everything on it: what a fault acts upon. */
export interface World {
  readonly cell: Cell;
  readonly settings: CampaignSettings;
  /** The servers; all members run, and an injection leaves them so. */
  readonly etcd: Etcd;
  /** One in front of each member's client endpoint, in the order of `etcd.members`. Only the store under test connects through them. */
  readonly proxies: readonly Proxy[];
  /** In a balanced world: the one endpoint of the store under test, in front of all `proxies`. */
  readonly balancer: Balancer | undefined;
  /** The links between members; `undefined` with one member. */
  readonly links: MemberLinks | undefined;
  /** The store under test, connected through `proxies`. */
  readonly store: ConfigStore;
  /** A store of its own, connected to the members directly: the writers use it, and faults may (for a backlog, say). */
  readonly direct: ConfigStore;
  readonly writers: Writers;
  readonly truth: Truth;
  /** The server as seen without Holdfast (etcdctl or plain HTTP), directly at the members. */
  readonly outside: Outside;
  /** On the store under test; all of them live as long as the world. */
  readonly mirrors: readonly WorldMirror[];
  /** The user of the store under test, in a secured world of v3: it has a role of the same name with read and write on {@link PREFIX}. */
  readonly user: string | undefined;

  /** Calls etcd's v3 API as JSON at a running member, as root in a secured world: `api('kv/compaction', { revision })`. */
  api<Answer>(path: string, body: Readonly<Record<string, unknown>>): Promise<Answer>;
  /** The flags for `etcd.ctl` calls: `--user` in a secured world. */
  readonly ctlFlags: readonly string[];

  /** Cuts the store under test off from all members: connections end, new ones are refused. Resolves when none is left. */
  disconnect(): Promise<void>;
  /** Lets it connect again. */
  connect(): Promise<void>;
  /** A new history begins: to be called while the new one is served and no writer runs. See `Injection.replacesHistory`. */
  beginEpoch(): Promise<void>;
}

/** Who writes while faults happen: many kinds of writes, in all lanes at once, some 80 revisions a second in all. */
export interface Writers {
  /** Resolves when no write is under way any more, and none may still be applied. They may be paused several times over. */
  pause(): Promise<void>;
  /** Undoes one `pause()`. */
  resume(): void;
}

/** What really happened, learnt from etcd itself and not through Holdfast. */
export interface Truth {
  /**
   * Resolves when everything that was committed before the call is known. To be called with the writers paused, before history
   * is compacted or replaced: what was not learnt then can't be any more.
   */
  catchUp(): Promise<void>;
}

/** A mirror under test. */
export interface WorldMirror {
  /** `'plain'`: all of {@link PREFIX}. `'collections'`: the same in collections. `'key'`: one key alone. */
  readonly name: 'plain' | 'collections' | 'key';
  readonly mirror: BaseMirror<Change<Value>>;
  /** Why it has read everything again, since the world began. */
  readonly resyncs: readonly string[];
}
