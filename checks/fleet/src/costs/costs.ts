import { readFileSync } from 'node:fs';

/** The CPU time that one request costs the server, in milliseconds, where the range has so many keys. */
export interface ReadCosts {
  readonly keys: number;
  /** A linearizable read of one key. */
  readonly key: number;
  /** The number of keys. */
  readonly count: number;
  /** The newest entry and the number of keys, at the head. etcd fetches and sorts the whole range. */
  readonly newest: number;
  /** The same at a past revision. */
  readonly newestAtRevision: number;
  /** What changed since a revision, if nothing did. etcd fetches the whole range. */
  readonly delta: number;
  /** The first entry, and the number of keys. */
  readonly first: number;
  /** All entries, in pages. */
  readonly scan: number;
  /** All keys with their revisions, in pages. */
  readonly scanKeys: number;
}

/** What things cost the server, by measurement, in milliseconds of its CPU time. */
export interface ServerCosts {
  readonly reads: readonly ReadCosts[];
  /** Each entry that a delta brings. */
  readonly deltaItem: number;
  /** A store that connects and begins to watch at the head. */
  readonly connect: number;
  /** A response to a watcher that follows, and each event in it. */
  readonly message: number;
  readonly event: number;
  /** Each event that is read again for watchers that are behind: once for up to 512 of them. */
  readonly replayedEvent: number;
  /** A request for progress, with its share of pings. */
  readonly progress: number;
  /** A transaction that puts 100 keys which nobody watches. */
  readonly transaction: number;
  /** A write of one key which nobody watches. */
  readonly put: number;
  /** How long it takes until a transaction is on the disk. This is no CPU time. */
  readonly sync: number;
  /** A start of the server until it serves. */
  readonly start: number;
  /** Which part of a long read's cost is due if it is aborted early. */
  readonly abortedPart: number;
}

/** What things cost a client, in milliseconds of its CPU time. */
export interface ClientCosts {
  readonly call: number;
  /** A connection after the last one was lost, with its watch and the check of the history. */
  readonly connect: number;
  /** Each entry of a scan or a delta, until it is in the mirror. */
  readonly item: number;
  /** Each event of a watch, until it is in the mirror. */
  readonly event: number;
}

export interface Costs {
  readonly at: string;
  readonly machine: string;
  readonly node: string;
  readonly etcd: string;
  readonly server: ServerCosts;
  readonly client: ClientCosts;
}

export function readCosts(file: string): Costs {
  return JSON.parse(readFileSync(file, 'utf8')) as Costs;
}

/** The costs of reads of a range with so many keys: on a line through the two measured sizes. */
export function readCostsFor({ reads }: ServerCosts, keys: number): ReadCosts {
  const [small, large] = reads;
  if (small === undefined || large === undefined) throw new Error('costs are measured at two sizes');
  const part = (keys - small.keys) / (large.keys - small.keys);
  const at = (name: keyof ReadCosts): number => Math.max(0, small[name] + part * (large[name] - small[name]));
  return {
    keys,
    key: at('key'),
    count: at('count'),
    newest: at('newest'),
    newestAtRevision: at('newestAtRevision'),
    delta: at('delta'),
    first: at('first'),
    scan: at('scan'),
    scanKeys: at('scanKeys'),
  };
}
