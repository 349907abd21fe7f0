import type { MirrorProbe } from './mirror-probe.js';
import type { Acknowledged } from './writers.js';
import type { Held } from './outside.js';
import { BEACON } from './keys.js';
import { PREFIX } from './world.js';
import type { TestedWorld } from './tested-world.js';

/** The first linearizable read that succeeded through any endpoint of the store under test. */
export interface FirstRead {
  readonly held: Held;
  /** The time of its answer, by `performance.now()`. */
  readonly at: number;
}

const READ_TIMEOUT_MS = 500;
const PAUSE_MS = 5;
const READ_EVERY_MS = 100;

/** One read through every endpoint at once; `undefined` if none has answered in time. */
async function readOnce({
  proxies,
  outside,
}: Pick<TestedWorld, 'proxies' | 'outside'>): Promise<FirstRead | undefined> {
  const reads = proxies.map(async ({ endpoint }) => {
    const held = await outside.held(PREFIX, { endpoint, timeoutMs: READ_TIMEOUT_MS });
    return { held, at: performance.now() };
  });
  return Promise.any(reads).catch(() => undefined);
}

/** Reads repeatedly, without Holdfast. */
export async function firstRead(
  world: Pick<TestedWorld, 'proxies' | 'outside'>,
  giveUpMs: number,
): Promise<FirstRead | undefined> {
  const deadline = performance.now() + giveUpMs;
  while (performance.now() < deadline) {
    const read = await readOnce(world);
    if (read !== undefined) return read;
    await pause(PAUSE_MS);
  }
  return undefined;
}

/** Whether a mirror is live and reflects at least the read's state; in a new history, an entry of that history. */
export function hasConverged(
  { mirror, view }: MirrorProbe,
  { held }: FirstRead,
  newEpoch: number | undefined,
): boolean {
  if (mirror.state.status !== 'live') return false;
  let newest = 0;
  for (const [key, { modRevision }] of held.entries) if (view.claims(key)) newest = Math.max(newest, modRevision);
  if (mirror.revision < newest) return false;
  return newEpoch === undefined || view.get(BEACON)?.value.epoch === newEpoch;
}

export interface Convergence {
  /** Milliseconds from the read until all mirrors have converged; `undefined` if they did not in time. */
  readonly ms: number | undefined;
  /** The read at which the time begins. */
  readonly read: FirstRead;
  /** How often the cluster stopped answering again, for example because a returning member caused an election. */
  readonly relapses: number;
}

/**
 * Waits until all mirrors have converged. Meanwhile it goes on reading: if the cluster stops answering again, the time counts from the next
 * read that succeeds.
 */
export async function untilConverged(
  world: Pick<TestedWorld, 'proxies' | 'outside'>,
  probes: readonly MirrorProbe[],
  first: FirstRead,
  newEpoch: number | undefined,
  giveUpMs: number,
): Promise<Convergence> {
  const deadline = first.at + giveUpMs;
  let read = first;
  let relapses = 0;
  let isAnswering = true;
  let isOver = false;
  const goOnReading = async (): Promise<void> => {
    for (;;) {
      // In short steps, so that the next measurement does not wait for this to end.
      for (let waited = 0; waited < READ_EVERY_MS && !isOver; waited += PAUSE_MS) await pause(PAUSE_MS);
      if (isOver) return;
      const next = await readOnce(world);
      if (next === undefined) isAnswering = false;
      else if (!isAnswering) {
        read = next;
        relapses += 1;
        isAnswering = true;
      }
    }
  };
  const reading = goOnReading();
  try {
    for (;;) {
      if (isAnswering && probes.every((probe) => hasConverged(probe, read, newEpoch)))
        return { ms: Math.max(0, performance.now() - read.at), read, relapses };
      if (performance.now() > deadline) return { ms: undefined, read, relapses };
      await pause(PAUSE_MS);
    }
  } finally {
    isOver = true;
    await reading;
  }
}

/**
 * Checks that the mirrors really follow: resolves with the milliseconds from the acknowledgement of the first beacon write after the read
 * until all mirrors show it, or a later one; `undefined` if they don't in time.
 */
export async function untilFollowing(
  probes: readonly MirrorProbe[],
  read: FirstRead,
  beacon: readonly Acknowledged[],
  giveUpMs: number,
): Promise<number | undefined> {
  const deadline = performance.now() + giveUpMs;
  const readAt = performance.timeOrigin + read.at;
  for (;;) {
    const next = beacon.find(({ at }) => at >= readAt);
    const shows = ({ view }: MirrorProbe): boolean => {
      const entry = view.get(BEACON);
      return next !== undefined && entry?.value.epoch === next.epoch && entry.modRevision >= next.revision;
    };
    if (next !== undefined && probes.every(shows)) return Math.max(0, Date.now() - next.at);
    if (performance.now() > deadline) return undefined;
    await pause(PAUSE_MS);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
