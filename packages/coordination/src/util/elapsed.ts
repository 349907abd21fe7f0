import os from 'node:os';
import type { Clock } from '@holdfast/store';
import { checkClock, invalidArgument, monotonicMs, systemClock, textOf } from '@holdfast/store/adapter';

/** A clock for sessions: it may also tell time that passes while the machine sleeps. */
export interface SessionClock extends Clock {
  /** Seconds since the machine started, those asleep included, as `os.uptime()`. Without it, only the monotonic clock counts. */
  uptime?(): number;
}

/** A moment on both clocks. */
export interface Moment {
  readonly monotonicMs: number;
  readonly uptimeMs: number | undefined;
  readonly wallMs: number;
}

/** The wall clock is slewed by less in the time of a lease. What differs by more was set, or the machine slept. */
const WALL_CHANGE_MS = 100;

/** Where `os.uptime()` gives whole seconds, a difference may be a whole second too long. */
const WHOLE_SECOND_MS = 1_000;
const HUNDREDTH_MS = 10;

/**
 * Measures how much time has passed: the larger of what the monotonic clock and the machine's uptime say. Node's monotonic clock stands still
 * while the machine sleeps, and the lease at the server does not.
 */
export class Elapsed {
  readonly #clock: SessionClock;

  constructor(clock: SessionClock) {
    this.#clock = clock;
  }

  now(): Moment {
    const uptime = this.#clock === systemClock ? systemUptime() : this.#clock.uptime?.();
    return {
      monotonicMs: monotonicMs(this.#clock),
      uptimeMs: uptime === undefined ? undefined : uptime * 1_000,
      wallMs: this.#clock.now(),
    };
  }

  /**
   * As {@link since}, without a question to the system, which takes several microseconds: as much as all else that a lock does here. The system is
   * asked only if the wall clock did not go on as the monotonic one did, which a machine's sleep shows too.
   */
  quickSince(moment: Moment): number {
    if (this.#clock !== systemClock) return this.since(moment);
    const monotonic = monotonicMs(this.#clock) - moment.monotonicMs;
    const wall = this.#clock.now() - moment.wallMs;
    return Math.abs(wall - monotonic) > WALL_CHANGE_MS ? this.since(moment) : monotonic;
  }

  /** Milliseconds since a moment. */
  since({ monotonicMs, uptimeMs }: Moment): number {
    const now = this.now();
    const monotonic = now.monotonicMs - monotonicMs;
    if (now.uptimeMs === undefined || uptimeMs === undefined) return monotonic;
    const isCoarse = Number.isInteger(now.uptimeMs / 1_000) && Number.isInteger(uptimeMs / 1_000);
    return Math.max(monotonic, now.uptimeMs - uptimeMs - (isCoarse ? WHOLE_SECOND_MS : HUNDREDTH_MS));
  }
}

/** The machine's uptime. Where the system refuses it (some sandboxes do), the monotonic clock alone counts. */
function systemUptime(): number | undefined {
  try {
    return os.uptime();
  } catch {
    return undefined;
  }
}

/** @throws StoreError `invalid-argument` unless it has the methods of a clock; `undefined` is the system's */
export function checkSessionClock(value: unknown): SessionClock {
  const clock: SessionClock = checkClock(value);
  const { uptime } = clock as { readonly uptime?: unknown };
  if (uptime !== undefined && typeof uptime !== 'function') {
    throw invalidArgument(`uptime of a clock must be a function that gives seconds, not ${textOf(uptime)}`);
  }
  return clock;
}
