import { sleep, toStoreError } from '@holdfast/store/adapter';
import { audit } from '../proof/audit.js';
import type { FollowContext } from '../proof/follow-context.js';
import { Lock } from '../util/lock.js';
import { isVerifiedWithin } from '../proof/await-verified.js';
import { endFor } from '../proof/follow-end.js';
import { catchUpIfFar, prove } from '../proof/prove-complete.js';

// What proofs and audits take off their waits at random, so that a fleet does not read in step (M9).
const JITTER = 0.2;
/** How long a watch that was established has to tell that there is nothing, in milliseconds. */
const FIRST_PROOF_MS = 1_000;
/** How long it has where the mirror is not live any more, before everything that may have changed is read, in milliseconds. */
const STALE_GRACE_MS = 3_000;

/** What goes on beside the watch of a following, until that ends: proofs, in time and on request, and audits. */
export async function runTasks(follow: FollowContext): Promise<void> {
  // Two that find at the same time that a proof is due would have the store asked twice.
  const due = new Lock();
  await Promise.all([
    keepProved(follow, due),
    proveOnceEstablished(follow, due),
    proveOnRequest(follow),
    auditNowAndThen(follow),
  ]);
}

/** Keeps the evidence fresh (M1, M7): a proof well before the last one gets too old. */
async function keepProved(follow: FollowContext, due: Lock): Promise<void> {
  const { runtime, signal } = follow;
  const { livenessMs, clock } = runtime.settings;
  const longest = livenessMs / 3;
  await repeat(follow, async () => {
    const asOf = runtime.freshness.provedAsOf ?? clock.now();
    // Somebody may set the wall clock back: what is due in an hour by it may be overdue.
    const until = (wait: number) => Math.min(wait, Math.max(0, asOf + wait - clock.now()));
    const rest = {
      earliestMs: until(longest * (1 - JITTER)),
      preferredMs: until(jittered(longest, follow)),
      latestMs: until(longest),
    };
    await runtime.heads.timer.sleep(rest, signal);
    await due.run(async () => {
      const { provedAsOf } = runtime.freshness;
      const age = provedAsOf === undefined ? undefined : clock.now() - provedAsOf;
      if (age !== undefined && age >= 0 && age < livenessMs / 4) return;
      await prove(follow, { graceMs: livenessMs / 6, blamesWatch: true, isShared: true });
    });
  });
}

/**
 * After a connection was lost: the sooner it is known whether anything was missed, the sooner the state says so. A mirror that is live
 * by what was proved before lets its watch tell that first: then there is nothing to read.
 */
async function proveOnceEstablished(follow: FollowContext, due: Lock): Promise<void> {
  const { runtime, signal } = follow;
  const { livenessMs, graceMs, clock } = runtime.settings;
  const isLive = () => runtime.freshness.isRecent && runtime.state.current.status === 'live';
  let done = 0;
  await repeat(follow, async () => {
    const establishment = await follow.established(done + 1);
    const longest = Math.min(FIRST_PROOF_MS, livenessMs / 6);
    // A watch that tells how far it is behind need not begin to replay that.
    const isRead = follow.missed.toldHead !== undefined && (await catchUpIfFar(follow));
    if (!isRead && !(await isVerifiedWithin(follow, longest)) && !(await catchUpIfFar(follow))) await follow.verified();
    if (isLive()) await sleep(clock, jittered(longest, follow), signal);
    const isTold = follow.hasProgressed && isLive();
    const grace = isLive() ? livenessMs / 6 : Math.min(STALE_GRACE_MS, livenessMs / 6);
    const isDue = () => !isTold && !follow.isProved && follow.isVerified;
    const proof = { graceMs: Math.max(graceMs, grace), blamesWatch: true, isShared: true };
    while (isDue()) await due.run(() => (isDue() ? prove(follow, proof) : Promise.resolve()));
    done = establishment;
  });
}

/** Serves `sync()`, and whoever else wants to know now. */
async function proveOnRequest(follow: FollowContext): Promise<void> {
  const { runtime, signal } = follow;
  await repeat(follow, async () => {
    await runtime.wanted.until(runtime.freshness.proved + 1, signal);
    await prove(follow, { graceMs: runtime.settings.graceMs, blamesWatch: false, isShared: false });
  });
}

async function auditNowAndThen(follow: FollowContext): Promise<void> {
  const { auditEveryMs, clock } = follow.runtime.settings;
  if (auditEveryMs === undefined) return;
  await repeat(follow, async () => {
    await sleep(clock, jittered(auditEveryMs, follow), follow.signal);
    await audit(follow);
  });
}

function jittered(ms: number, { runtime }: FollowContext): number {
  return ms * (1 - JITTER * runtime.settings.random());
}

/** Until the end; failures are noted and retried with back-off. */
async function repeat(follow: FollowContext, work: () => Promise<void>): Promise<void> {
  const { runtime, signal } = follow;
  const backoff = runtime.newBackoff();
  while (!signal.aborted) {
    try {
      await work();
      backoff.reset();
    } catch (error) {
      if (signal.aborted) return;
      const cause = toStoreError(error);
      runtime.noteTrouble(cause);
      const end = endFor(cause);
      if (end !== undefined) follow.end(end);
      await follow.rest(backoff.next());
    }
  }
}
