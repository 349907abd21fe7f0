/** What a server that speaks TLS to its clients is given, as PEM. */
export interface EtcdTls {
  /** The launcher presents it as a client too, so that it must be signed by `clientCa` where that is set. */
  readonly cert: string;
  readonly key: string;
  /** The authority that client certificates must be signed by. Where it is set, clients must present one. */
  readonly clientCa?: string;
}

/** Options of `startEtcd`. */
export interface StartEtcdOptions {
  /** The etcd binary; etcdctl and etcdutl are looked for beside it, then on PATH. Default: see `findEtcd`. */
  readonly bin?: string;
  /** One of `availableEtcds` by its version, for example `3.4.23`, or by its series, such as `3.5`. */
  readonly version?: string;
  /** How many members. Default 1. */
  readonly nodes?: 1 | 3;
  /** Put proxies between the members, so that links between them can be cut: see `Etcd.links`. Default false. */
  readonly links?: boolean;
  /** Serve the v2 API too. Default false, as etcd has it from 3.4 on. Without effect from 3.6 on, which has no such API. */
  readonly enableV2?: boolean;
  /** The token of a new cluster; with the peer URLs it makes up the cluster's id. Default `holdfast`. */
  readonly clusterToken?: string;
  /** How often an idle watch gets a progress notification, in milliseconds. Default: etcd's own 10 minutes. */
  readonly progressIntervalMs?: number;
  /** A snapshot file to begin with. */
  readonly snapshotFrom?: string;
  /** A data directory to begin with, of a single member that is not running. It is copied, and stays as it is. */
  readonly dataDir?: string;
  /** Speak TLS to clients; the endpoints are `https:` then. */
  readonly tls?: EtcdTls;
  /** More flags for every member. They come last, so that they win over the launcher's own. */
  readonly args?: readonly string[];
}
