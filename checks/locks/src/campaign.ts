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
  /** As of {@link RunOptions}. */
  readonly ttl?: number;
}

/** What the runs with one fault came to. */
export interface FaultCount {
  runs: number;
  /** Writes that a holder tried when another one already held the lock. */
  attemptedOverlaps: number;
  /** Runs in which the resource took such a write. */
  runsWithOverlaps: number;
  /** How often a run was made again, since the first holder had lost its session before the fault came. */
  repeats: number;
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

/** So many repeats are a busy machine's; more are a finding: a healthy session is not lost. */
const MAX_REPEATS = { least: 8, ofRuns: 0.05 };

/** What the repeats of a campaign come to: a violation where there are more than a busy machine explains. */
export function tooManyRepeats(runs: number, counts: Readonly<Record<string, FaultCount>>): readonly string[] {
  const repeats = Object.values(counts).reduce((sum, { repeats }) => sum + repeats, 0);
  if (repeats <= Math.max(MAX_REPEATS.least, runs * MAX_REPEATS.ofRuns)) return [];
  return [`sessions were lost before any fault: ${repeats} repeats in ${runs} runs`];
}

/** So far apart the first runs begin: each opens three connections. */
const APART_MS = 50;

/** Many runs on one server, so many side by side, each with the fault whose turn it is. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const { version, client, runs, sideBySide, faults = FAULTS, ttl } = options;
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
      const result = await attempted({ seed, fault, client, endpoint, store, ttl });
      const count = (counts[fault] ??= { runs: 0, attemptedOverlaps: 0, runsWithOverlaps: 0, repeats: 0 });
      count.runs += 1;
      count.repeats += result.repeats;
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
  if (client === 'holdfast') violations.push(...tooManyRepeats(runs, counts));
  return { server: version, client, sideBySide, runs, faults: counts, violations };
}

/** A busy machine can lose the first holder before its fault comes. Then the run says nothing, and is made again, with a lock of its own. */
async function attempted(options: RunOptions): Promise<RunResult & { readonly repeats: number }> {
  for (let again = 1; ; again += 1) {
    try {
      const result = await runOnce({ ...options, seed: options.seed + again * 1_000_000 });
      return { ...result, repeats: again - 1 };
    } catch (error) {
      if (again === 4 || !isStoreError(error, 'session-lost')) return failed(options.fault, again - 1, error);
    }
  }
}

function failed(fault: Fault, repeats: number, error: unknown): RunResult & { readonly repeats: number } {
  return { fault, violations: [`it failed: ${String(error)}`], attemptedOverlaps: 0, overlaps: 0, repeats };
}
