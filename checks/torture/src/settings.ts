/** How stores and mirrors are set up in the campaign: documented options only, shorter than their defaults. All in milliseconds. */
export interface CampaignSettings {
  readonly keepalive: { readonly intervalMs: number; readonly timeoutMs: number };
  readonly retry: { readonly initialMs: number; readonly maxMs: number };
  readonly connectMs: number;
  readonly livenessMs: number;
  readonly backoff: { readonly initialMs: number; readonly maxMs: number };
  /** Within how long a keepalive-bound fault must have been overcome: a ping's interval, its time-out, and the general goal. */
  readonly keepaliveBoundMs: number;
  /** Within how long a member without a leader must have been left for another one behind the same name. */
  readonly leaderlessBoundMs: number;
}

/** How many entries of its log a member writes between two snapshots, where it will be upgraded: etcd's default is thousands. */
export const SNAPSHOT_COUNT = 500;

/** The goal for everything else. */
export const GOAL_MS = 2_000;

const shared = {
  retry: { initialMs: 20, maxMs: 250 },
  connectMs: 2_000,
  livenessMs: 2_000,
  backoff: { initialMs: 20, maxMs: 400 },
};

/** 5,000 is the least interval that etcd accepts pings at (v3). */
const V3_KEEPALIVE = { intervalMs: 5_000, timeoutMs: 1_000 };
const V2_KEEPALIVE = { intervalMs: 1_000, timeoutMs: 1_000 };

/** etcd says that it has no leader some 4 s after it lost it; a third of new connections lead to the same member. */
const LEADERLESS_MS = 12_000;

/** A store without a cluster has no keepalive of its own: what a dead connection costs is bounded by the time of a request. */
export interface StoreSettings extends CampaignSettings {
  readonly requestMs: number;
}

/** Of the stores that people have already. A look of a watch may meet several dead connections, one after the other. */
export const storeSettings: StoreSettings = {
  ...shared,
  connectMs: 1_000,
  requestMs: 2_000,
  keepalive: { intervalMs: 0, timeoutMs: 0 },
  keepaliveBoundMs: 12_000,
  leaderlessBoundMs: LEADERLESS_MS,
};

export function settingsOf(api: 'v3' | 'v2'): CampaignSettings {
  const keepalive = api === 'v3' ? V3_KEEPALIVE : V2_KEEPALIVE;
  const keepaliveBoundMs = keepalive.intervalMs + keepalive.timeoutMs + GOAL_MS;
  return { ...shared, keepalive, keepaliveBoundMs, leaderlessBoundMs: LEADERLESS_MS };
}
