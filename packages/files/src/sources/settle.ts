import { monotonicMs, sleep } from '@holdfast/adapter-kit';
import type { Clock } from '@holdfast/store';

/** How many times `settleMs` a look waits for files that are written to again and again. */
const LONGEST = 10;
/** Older files are at rest when a process starts. A clock that was set makes this a guess, and only there. */
const OLD_MS = 2_000;
/** Some file systems tell whole seconds, even numbers of them: what is written later in the same one looks unchanged. */
const COARSE_MS = 2_100;

/** What decides whether a file is at rest. */
export interface Times {
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/** Whether something that was seen is at rest, and may be read. */
export type Rest = 'settled' | 'wait' | 'too long';

/**
 * Most of the first halves of a YAML file are valid YAML. So what has changed is read once it has stayed the same for `settleMs`, by a clock that
 * nobody can set.
 */
export class Settling {
  readonly #clock: Clock;
  readonly #settleMs: number;
  #seen: string | undefined;
  #seenAt = 0;
  #beganAt: number | undefined;

  constructor(clock: Clock, settleMs: number) {
    this.#clock = clock;
    this.#settleMs = settleMs;
  }

  /** @param seen all signatures as one text; `undefined` is never at rest */
  look(seen: string | undefined, files: readonly Times[]): Rest {
    const now = monotonicMs(this.#clock);
    this.#beganAt ??= now;
    if (seen !== undefined && seen === this.#seen) {
      const restMs = files.some(isCoarse) ? COARSE_MS : this.#settleMs;
      if (now - this.#seenAt >= restMs) return 'settled';
    } else {
      this.#seen = seen;
      this.#seenAt = now;
    }
    return now - this.#beganAt > LONGEST * this.#settleMs && !files.some(isCoarse) ? 'too long' : 'wait';
  }

  async wait(): Promise<void> {
    // A timer of Node may fire a little early.
    await sleep(this.#clock, this.#settleMs + 1);
  }

  /** What comes next is a change of its own. */
  reset(): void {
    this.#beganAt = undefined;
    this.#seen = undefined;
  }

  /** Whether nobody has touched these files for a while, by the wall clock. */
  areOld(files: readonly Times[]): boolean {
    const now = BigInt(Math.round(this.#clock.now())) * 1_000_000n;
    const old = BigInt(OLD_MS) * 1_000_000n;
    return files.every(({ mtimeNs, ctimeNs }) => mtimeNs + old < now && ctimeNs + old < now);
  }
}

function isCoarse({ mtimeNs, ctimeNs }: Times): boolean {
  return mtimeNs % 1_000_000_000n === 0n && ctimeNs % 1_000_000_000n === 0n;
}
