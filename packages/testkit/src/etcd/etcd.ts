import type { MemberLinks } from '../net/member-links.js';
import type { EtcdMember } from './etcd-member.js';

/** How a restored or emptied cluster differs from the one before. */
export interface NewHistoryOptions {
  /**
   * `true`: the cluster is bootstrapped with its old token, so cluster and member ids come back unchanged.
   * `false`, the default: with a new token, so both change.
   */
  readonly sameToken?: boolean;
  /**
   * Of a restore alone: how far its revisions begin above those of the snapshot, with everything before marked as compacted, so
   * that no watch of the history before can go on as if nothing had happened. Needs etcdutl, and so etcd 3.5 or newer.
   */
  readonly bumpRevision?: number;
}

/** A real etcd of one or three members, with everything that tests do to it. */
export interface Etcd extends AsyncDisposable {
  /** For example `3.5.30`. While members differ, what each is started as from now on. */
  readonly version: string;
  /** The members' client URLs, such as `http://127.0.0.1:23790`. */
  readonly endpoints: readonly string[];
  readonly members: readonly EtcdMember[];
  /** The network between the members. Throws unless etcd was started with the option `links`. */
  readonly links: MemberLinks;

  /**
   * What members run from their next start on, on the data they have; those that run stay as they are. A member that is killed
   * and started is upgraded then. etcd takes the data of a minor version before, and never that of one after: `wipe()` it.
   */
  useVersion(version: string): void;
  /** Runs the etcdctl of this version (v3 API) against all members, and gives its output. */
  ctl(...args: readonly string[]): Promise<string>;
  /** The same with a standard input. There `txn` takes Go's quoting, and so keys that are not UTF-8. */
  ctlWith(input: string, ...args: readonly string[]): Promise<string>;
  /** Calls the v3 API as JSON, for example `api('kv/range', { key: base64 })`. Quicker than etcdctl for frequent calls. */
  api<Answer>(path: string, body: Readonly<Record<string, unknown>>): Promise<Answer>;
  /** Writes one key, and gives the store's revision after it. */
  put(key: string | Uint8Array, value: string | Uint8Array): Promise<number>;
  /** The store's head, by a linearizable read. */
  revision(): Promise<number>;
  /** Compacts history up to `revision`, by default all there is, and gives that revision. */
  compact(revision?: number): Promise<number>;
  /** The leading member, as soon as there is one. */
  leader(): Promise<EtcdMember>;
  /** A metric's sum over all running members. Throws if etcd has no such metric. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;

  /** Saves a snapshot to `file`, by default a new one that `close()` removes, and gives its path. */
  snapshot(file?: string): Promise<string>;
  /** Kills all members, makes their data anew from a snapshot, and starts them on the same ports. */
  restore(snapshotFile: string, options?: NewHistoryOptions): Promise<void>;
  /** Kills all members, removes their data, and starts them empty on the same ports. */
  wipe(options?: NewHistoryOptions): Promise<void>;
  /** Pauses the members that run, copies all data directories, resumes them, and gives the copy's folder. */
  copyData(): Promise<string>;
  /** Kills all members, puts back what `copyData` copied, and starts them on the same ports. */
  useData(copy: string): Promise<void>;

  /** Kills all members and removes the data. */
  close(): Promise<void>;
}
