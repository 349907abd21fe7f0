import type { Held, Leadership } from '@holdfast/coordination';
import { work } from '@holdfast/locks/judging';
import { isStoreError, type ConfigStore } from '@holdfast/store';
import { systemClock } from '@holdfast/store/adapter';
import type { Random } from '@holdfast/testkit';
import type { CallFailures } from '../call-failures.js';
import type { Implementation, Names } from './ground.js';
import type { LeaseClock } from './lease-clock.js';
import { OpenSession } from './open-session.js';
import type { Grip, Tape } from './tape.js';

export interface ContenderOptions {
  readonly who: string;
  readonly store: ConfigStore;
  readonly leases: LeaseClock;
  readonly implementation: Implementation;
  readonly names: Names;
  /** Of its sessions, in seconds. */
  readonly ttl: number;
  /** How long it holds what it gets, in milliseconds. Default: now so, now so. */
  readonly holdMs: number | undefined;
  readonly random: Random;
  readonly tape: Tape;
  /** Which history the servers have now. */
  readonly epoch: () => number;
  /** Calls that failed for another reason than the end of a session. */
  readonly failures: CallFailures;
}

const OPEN_MS = 3_000;
const OPEN_AGAIN_MS = 100;
const NEXT_MS = 60;
const LOOK_MS = 10;
const STOP_MS = 3_000;

/** One call for a lock or an office, from the asking to the end. */
interface Attempt {
  readonly who: string;
  readonly open: OpenSession;
  hasHeld: boolean;
}

type Ask = 'lock' | 'with-lock' | 'try-lock' | 'campaign';

/** A process with a session, which asks for one lock or office after the other, holds it, and gives it away. */
export class Contender {
  readonly who: string;
  readonly sessions: OpenSession[] = [];
  /** What it stands in a queue for, now. */
  waitsFor: string | undefined;
  readonly #options: ContenderOptions;
  /** Ends all that is held. */
  readonly #enough = new AbortController();
  /** Ends all that is waited for. */
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #isPaused = false;
  #asks = 0;

  constructor(options: ContenderOptions) {
    this.#options = options;
    this.who = options.who;
    this.#running = this.#run();
  }

  /** Asks for nothing new until `resume()`. Resolves when none of its writes is under way. What is held or waited for stays so. */
  async pause(patienceMs: number): Promise<void> {
    this.#isPaused = true;
    const { leases } = this.#options;
    for (const began = performance.now(); leases.writes > 0 && performance.now() - began < patienceMs;)
      await wait(LOOK_MS);
  }

  resume(): void {
    this.#isPaused = false;
  }

  /** Gives away what it holds, and asks for nothing any more. Resolves when what it waits for was served too. */
  async finish(): Promise<void> {
    this.#enough.abort();
    await this.#running;
  }

  /** Ends everything at once. */
  async stop(): Promise<void> {
    this.#stop.abort();
    // Who does not heed it must not hold up the others.
    await Promise.race([this.finish(), new Promise((resolve) => setTimeout(resolve, STOP_MS).unref())]);
    await Promise.allSettled(this.sessions.filter(({ isClosed }) => !isClosed).map((open) => open.close(1_000)));
  }

  async #run(): Promise<void> {
    const { random } = this.#options;
    while (!this.#enough.signal.aborted) {
      await wait(random.between(1, NEXT_MS));
      if (this.#isPaused) continue;
      const open = await this.#session();
      if (open === undefined) continue;
      this.#asks += 1;
      const attempt: Attempt = { who: `${this.who} #${this.#asks}`, open, hasHeld: false };
      try {
        await this.#ask(attempt);
      } catch (error) {
        this.#judge(error, attempt);
      } finally {
        this.waitsFor = undefined;
      }
    }
  }

  /** The session that lives, or a new one; `undefined` where none could be opened yet. */
  async #session(): Promise<OpenSession | undefined> {
    const current = this.sessions.at(-1);
    if (current !== undefined && !current.isOver) return current;
    const { store, leases, implementation, ttl, epoch, failures } = this.#options;
    if (current !== undefined) await current.close(1_000).catch(() => undefined);
    const before = epoch();
    try {
      const session = await implementation.openSession(store, { ttl, timeoutMs: OPEN_MS });
      const open = new OpenSession(session, this.who, before, leases);
      this.sessions.push(open);
      return open;
    } catch (error) {
      if (!isStoreError(error, 'session-lost')) failures.add(error);
      await wait(OPEN_AGAIN_MS);
      return undefined;
    }
  }

  async #ask(attempt: Attempt): Promise<void> {
    const { random, names } = this.#options;
    const { who, open } = attempt;
    const { session } = open;
    const how = random.weighted<Ask>([
      [4, 'lock'],
      [2, 'with-lock'],
      [1, 'try-lock'],
      [4, 'campaign'],
    ]);
    const name = how === 'campaign' ? names.election : random.pick(names.locks);
    const holdMs =
      this.#options.holdMs ??
      random.weighted([
        [4, 30],
        [3, 250],
        [2, 1_500],
        // On through the fault.
        [1, 10_000],
      ]);
    const proclaims = random.chance(0.4);
    const timeoutMs = random.chance(0.25) ? random.pick([5, 60, 400]) : undefined;
    const options = { signal: this.#stop.signal, timeoutMs };
    this.waitsFor = name;
    const hold = (held: Held) => this.#hold(attempt, { name, held, holdMs });
    switch (how) {
      case 'lock': {
        const held = await session.lock(name, options);
        await hold(held);
        return held.release();
      }
      case 'campaign': {
        const lead = await session.campaign(name, who, options);
        if (proclaims) this.#proclaim(lead, attempt);
        await hold(lead);
        return lead.resign();
      }
      case 'try-lock': {
        const held = await session.tryLock(name, options);
        if (held !== undefined) await hold(held);
        return held?.release();
      }
      case 'with-lock':
        return session.withLock(name, hold, options);
      default:
        return how satisfies never;
    }
  }

  #proclaim(lead: Leadership, attempt: Attempt): void {
    lead.proclaim(`${attempt.who} again`, { timeoutMs: 1_000 }).catch((error: unknown) => {
      // It may have resigned before the answer came.
      if (!isStoreError(error, 'closed')) this.#judge(error, { ...attempt, hasHeld: true });
    });
  }

  /** Works for a while, or until nothing is to be held any more. What is held while it pauses stays held. */
  async #hold(attempt: Attempt, { name, held, holdMs }: { name: string; held: Held; holdMs: number }): Promise<void> {
    const { tape, epoch } = this.#options;
    this.waitsFor = undefined;
    attempt.hasHeld = true;
    const { who, open } = attempt;
    const grip = tape.acquire({ who, name, held, owner: open, epoch: epoch() });
    if (grip === undefined) return;
    const until = new AbortController();
    void this.#enoughOf(grip, holdMs).then(() => {
      until.abort();
    });
    const own = {
      token: held.token,
      check: () => {
        held.check();
      },
      onLost: (tell: () => void) => {
        held.signal.addEventListener('abort', tell, { once: true });
      },
      // Released by who asked for it.
      release: () => Promise.resolve(),
    };
    await work(who, own, tape.worked(grip), systemClock, until.signal);
  }

  async #enoughOf(grip: Grip, holdMs: number): Promise<void> {
    const began = performance.now();
    const { signal } = this.#enough;
    while (!signal.aborted && grip.end === undefined) {
      if (performance.now() - began >= holdMs && !this.#isPaused) return;
      await wait(LOOK_MS);
    }
  }

  /** A call may end so for a reason only. */
  #judge(error: unknown, { open, hasHeld }: Attempt): void {
    const isExpected =
      isStoreError(error, 'aborted') ||
      isStoreError(error, 'timeout') ||
      (isStoreError(error, 'closed') && open.isClosed) ||
      (isStoreError(error, 'session-lost') && (open.isOver || hasHeld));
    if (!isExpected) this.#options.failures.add(error);
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
