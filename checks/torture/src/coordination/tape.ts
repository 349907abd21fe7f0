import type { Held } from '@holdfast/coordination';
import type { Happening, Worked } from '@holdfast/locks/judging';
import type { OpenSession } from './open-session.js';

/** Something that was acquired, from that moment to its end. */
export interface Grip {
  readonly who: string;
  readonly name: string;
  readonly held: Held;
  readonly owner: OpenSession;
  /** Which history the servers were known to have then. */
  readonly epoch: number;
  end: 'told' | 'released' | undefined;
}

/** What happened to a grip. */
export interface Moment {
  readonly grip: Grip;
  readonly what: Happening['what'];
  readonly at: number;
}

/**
 * Somebody held on to what another one was given, or was given what had been passed on already. `isFresh`: its lease had just been renewed,
 * so that nobody but the server can have ended it.
 */
export interface Suspicion {
  readonly grip: Grip;
  readonly other: Grip;
  readonly isFresh: boolean;
}

/** What all holders were told, and did, in the order in which it happened. It is judged when it is known what happened at the servers. */
export class Tape {
  readonly grips: Grip[] = [];
  readonly moments: Moment[] = [];
  readonly suspicions: Suspicion[] = [];

  /** Notes what somebody was given; `undefined` where a question says at once that it is lost again. */
  acquire(grip: Omit<Grip, 'end'>): Grip | undefined {
    const acquired: Grip = { ...grip, end: undefined };
    if (!believes(acquired)) return undefined;
    for (const other of this.grips) {
      if (other.name !== grip.name || other.owner === grip.owner) continue;
      // A holder that asks would be told now, if its signal has not told it yet.
      if (other.end === undefined && !believes(other)) this.#note(other, 'told');
      const { token } = acquired.held;
      const isPassedOn =
        other.epoch === grip.epoch &&
        other.held.token.identity === token.identity &&
        other.held.token.revision > token.revision;
      if (other.end === undefined) this.#suspect(other, acquired);
      if (isPassedOn) this.#suspect(acquired, other);
    }
    acquired.owner.hasHeld = true;
    this.grips.push(acquired);
    this.#note(acquired, 'acquired');
    return acquired;
  }

  /** What a holder works on. */
  worked(grip: Grip): Worked {
    return {
      note: (what) => {
        this.#note(grip, what);
      },
      write: () => {
        this.#note(grip, 'write');
        return true;
      },
    };
  }

  /** Those who believe that they hold something. */
  get open(): readonly Grip[] {
    return this.grips.filter((grip) => grip.end === undefined && believes(grip));
  }

  #suspect(grip: Grip, other: Grip): void {
    this.suspicions.push({ grip, other, isFresh: grip.owner.isFresh });
  }

  #note(grip: Grip, what: Happening['what']): void {
    if (grip.end !== undefined) return;
    if (what === 'told' || what === 'released') grip.end = what;
    this.moments.push({ grip, what, at: performance.now() });
  }
}

export function believes({ held }: Pick<Grip, 'held'>): boolean {
  try {
    held.check();
    return true;
  } catch {
    return false;
  }
}
