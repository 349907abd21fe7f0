import type { MirrorProbe } from './mirror-probe.js';
import type { Acknowledged } from './writers.js';
import type { Held } from './outside.js';
import { BEACON } from './keys.js';
import { PREFIX, type World } from './world.js';

/** The first linearizable read that succeeded through any endpoint that the store under test has. */
export interface FirstRead {
  readonly held: Held;
  /** When it was answered, by `performance.now()`. */
  readonly at: number;
}

const READ_TIMEOUT_MS = 500;
const PAUSE_MS = 5;

/** Reads through all endpoints at once, again and again, without Holdfast. */
export async function firstRead(
  { proxies, outside }: Pick<World, 'proxies' | 'outside'>,
  giveUpMs: number,
): Promise<FirstRead | undefined> {
  const deadline = performance.now() + giveUpMs;
  while (performance.now() < deadline) {
    const reads = proxies.map(async ({ endpoint }) => {
      const held = await outside.held(PREFIX, { endpoint, timeoutMs: READ_TIMEOUT_MS });
      return { held, at: performance.now() };
    });
    try {
      return await Promise.any(reads);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
  return undefined;
}

/** Whether a mirror is live and reflects at least what the read showed; of a new history, an entry of that history. */
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

/** Resolves with the milliseconds from the read until all mirrors have converged; `undefined` where they don't in time. */
export async function untilConverged(
  probes: readonly MirrorProbe[],
  read: FirstRead,
  newEpoch: number | undefined,
  giveUpMs: number,
): Promise<number | undefined> {
  const deadline = read.at + giveUpMs;
  for (;;) {
    if (probes.every((probe) => hasConverged(probe, read, newEpoch))) return Math.max(0, performance.now() - read.at);
    if (performance.now() > deadline) return undefined;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/**
 * Whether they follow, and not merely have nothing to follow: resolves with the milliseconds from the acknowledgement of the first beacon
 * write after the read until all mirrors show it, or a later one; `undefined` where they don't in time.
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
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
