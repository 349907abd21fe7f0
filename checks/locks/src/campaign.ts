import { etcdV3Store } from '@holdfast/etcd-v3';
import { isStoreError } from '@holdfast/store';
import { startEtcd } from '@holdfast/testkit';
import { FAULTS, type Fault } from './faults.js';
import { runOnce, type RunOptions, type RunResult } from './run-once.js';

export interface CampaignOptions {
  readonly version: string;
  readonly client: RunOptions['client'];
  readonly runs: number;
  readonly sideBySide: number;
  readonly faults?: readonly Fault[];
}

/** What the runs with one fault came to. */
export interface FaultCount {
  runs: number;
  /** Writes that a holder tried when another one already held the lock. */
  attemptedOverlaps: number;
  /** Runs in which the resource took such a write. */
  runsWithOverlaps: number;
  /** The least time, in milliseconds, that a holder was told before the next one held the lock; negative where it was told later. */
  toldBeforeMs?: number;
}

/** What a campaign came to, for each fault. */
export interface CampaignResult {
  readonly server: string;
  readonly client: RunOptions['client'];
  readonly sideBySide: number;
  readonly runs: number;
  readonly faults: Readonly<Record<string, FaultCount>>;
  readonly violations: readonly string[];
}

/** So far apart the first runs begin: each opens three connections. */
const APART_MS = 50;

/** Many runs on one server, so many side by side, each with the fault whose turn it is. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const { version, client, runs, sideBySide, faults = FAULTS } = options;
  const etcd = await startEtcd({ version });
  const [endpoint = ''] = etcd.endpoints;
  const store = etcdV3Store({ endpoints: [endpoint] });
  const counts: Record<string, FaultCount> = {};
  const violations: string[] = [];
  let next = 0;
  const worker = async (_: unknown, place: number) => {
    await new Promise((resolve) => setTimeout(resolve, place * APART_MS));
    while (next < runs) {
      const seed = next;
      next += 1;
      const fault = faults[seed % faults.length] ?? 'silent';
      const result = await attempted({ seed, fault, client, endpoint, store });
      const count = (counts[fault] ??= { runs: 0, attemptedOverlaps: 0, runsWithOverlaps: 0 });
      count.runs += 1;
      count.attemptedOverlaps += result.attemptedOverlaps;
      if (result.overlaps > 0) count.runsWithOverlaps += 1;
      if (result.toldBeforeMs !== undefined) {
        count.toldBeforeMs = Math.round(Math.min(result.toldBeforeMs, count.toldBeforeMs ?? Infinity));
      }
      // Of a peer, the counts say it all.
      if (client === 'etcd3') continue;
      violations.push(...result.violations.map((what) => `run ${seed}, ${fault}: ${what}`));
    }
  };
  try {
    await Promise.all(Array.from({ length: sideBySide }).map(worker));
  } finally {
    await store.close();
    await etcd.close();
  }
  return { server: version, client, sideBySide, runs, faults: counts, violations };
}

/** A busy machine can lose the first holder before its fault comes. Then the run says nothing, and is made again, with a lock of its own. */
async function attempted(options: RunOptions): Promise<RunResult> {
  for (let again = 1; ; again += 1) {
    try {
      return await runOnce({ ...options, seed: options.seed + again * 1_000_000 });
    } catch (error) {
      if (again === 4 || !isStoreError(error, 'session-lost')) return failed(options.fault)(error);
    }
  }
}

function failed(fault: Fault): (error: unknown) => RunResult {
  return (error) => ({ fault, violations: [`it failed: ${String(error)}`], attemptedOverlaps: 0, overlaps: 0 });
}
