import type { Held, Leadership } from '@holdfast/coordination';
import type { Resource } from '@holdfast/locks/judging';
import { isStoreError } from '@holdfast/store';
import { sleep } from '@holdfast/store/adapter';
import type { Acquire } from './plan.js';
import type { OpenSession, Process } from './process.js';
import type { Grip, Queues } from './queues.js';
import { isOutage } from './refusals.js';
import type { Truth } from '../truth/truth.js';

export interface HolderOptions {
  readonly who: string;
  readonly step: Acquire;
  readonly process: Process;
  readonly queues: Queues;
  readonly truth: Truth;
  readonly now: () => number;
  /** All of the world. */
  readonly others: readonly Holder[];
  readonly trace: ((line: string) => void) | undefined;
  readonly stats: { acquisitions: number; writes: number; looks: number; notServed: number };
  readonly violated: (guarantee: string, message: string) => void;
}

type State = 'new' | 'asking' | 'holding' | 'done';

/** Who asked so much earlier, in milliseconds, stands before one who asked later, unless a fault held up its request. */
const EARLIER_MS = 1_000;

/** One call for a lock or an office, from the asking to the release: it works as a holder does, and looks at what it is told. */
export class Holder {
  readonly #options: HolderOptions;
  #state: State = 'new';
  #held: Held | undefined;
  #grip: Grip | undefined;
  #asked: OpenSession | undefined;
  #isLate = false;
  #values = 0;
  #askedAt = 0;
  /** Of its process, when it asked; `undefined` where a fault lasted then. */
  #disturbances: number | undefined;

  constructor(options: HolderOptions) {
    this.#options = options;
  }

  get isDone(): boolean {
    return this.#state === 'done';
  }

  get who(): string {
    return this.#options.who;
  }

  async run(): Promise<void> {
    try {
      await this.#run();
    } finally {
      this.#state = 'done';
    }
  }

  async #run(): Promise<void> {
    const { process, step, trace, stats } = this.#options;
    const open = await process.session();
    if (open === undefined) return;
    this.#asked = open;
    this.#state = 'asking';
    this.#askedAt = this.#options.now();
    this.#disturbances = process.isTroubled || !process.runs ? undefined : process.disturbances;
    const { signal, end } = this.#abort();
    const options = { signal, timeoutMs: step.timeoutMs };
    const { session } = open;
    try {
      switch (step.how) {
        case 'lock':
          await this.#holdAndRelease(await session.lock(step.name, options));
          break;
        case 'campaign':
          await this.#holdAndRelease(await session.campaign(step.name, this.#nextValue(), options));
          break;
        case 'try-lock': {
          const held = await session.tryLock(step.name, options);
          if (held !== undefined) await this.#holdAndRelease(held);
          break;
        }
        case 'with-lock':
          await session.withLock(step.name, (held) => this.#hold(held), options);
          break;
        default:
          step.how satisfies never;
      }
    } catch (error) {
      trace?.(`${this.who}: ${String(error)}`);
      if (this.#held === undefined) stats.notServed += 1;
      this.#judge(error, open);
    } finally {
      end();
    }
  }

  /** Whether it has waited since long before another one asked, undisturbed. */
  waitsBefore(later: Holder): boolean {
    const { step, process, queues } = this.#options;
    return (
      this.#state === 'asking' &&
      step.how !== 'try-lock' &&
      step.name === later.#options.step.name &&
      this.#askedAt + EARLIER_MS < later.#askedAt &&
      process.disturbances === this.#disturbances &&
      !queues.wereTaken
    );
  }

  #abort(): { readonly signal: AbortSignal | undefined; readonly end: () => void } {
    const { abort } = this.#options.step;
    const { clock, client } = this.#options.process;
    if (abort === undefined) return { signal: undefined, end: () => undefined };
    const controller = new AbortController();
    if ('messages' in abort) {
      client.link.atMessage(abort.messages, () => {
        void (async () => {
          for (let turn = 0; turn < abort.turns; turn += 1) await Promise.resolve();
          controller.abort();
        })();
      });
      return { signal: controller.signal, end: () => undefined };
    }
    const timer = clock.setTimeout(() => {
      controller.abort();
    }, abort.ms);
    return {
      signal: controller.signal,
      end: () => {
        clock.clearTimeout(timer);
      },
    };
  }

  async #holdAndRelease(held: Held): Promise<void> {
    await this.#hold(held);
    await held.release();
  }

  async #hold(held: Held): Promise<void> {
    const { step, process, now, stats, queues, who } = this.#options;
    const { resource } = this.#acquired(held);
    const until = now() + step.holdMs;
    while (now() < until) {
      await sleep(process.clock, step.paceMs);
      if (!this.#believes(held)) {
        resource.note('told', who, held.token);
        this.#state = 'done';
        return;
      }
      this.#look(held);
      if (!resource.write(who, held.token) && !this.#wasTaken())
        this.#options.violated(
          'fenced',
          `${who}: the resource refused token ${held.token.revision}, of a lock that was held`,
        );
      stats.writes += 1;
      if (step.proclaims === true) await this.#proclaim(held as Leadership);
    }
    if (this.#believes(held) && queues.isFirst(this.#gripOf())) resource.note('released', who, held.token);
    this.#state = 'done';
  }

  #acquired(held: Held): { readonly resource: Resource } {
    const { step, queues, truth, who, stats, violated, trace, others } = this.#options;
    const { current: epoch } = truth;
    this.#held = held;
    this.#grip = { name: step.name, key: held.key, createRevision: held.token.revision, epoch: this.#epochOf(held) };
    this.#state = 'holding';
    stats.acquisitions += 1;
    trace?.(`${who} holds ${step.name} by ${held.token.revision}`);
    queues.noteAcquisition(step.name, { who, token: held.token });
    for (const other of others) {
      if (other.waitsBefore(this))
        violated('order', `${who} was served before ${other.who}, who asked for ${step.name} long before`);
    }
    const isReal = queues.isFirst(this.#grip);
    const resource = queues.resource(step.name, this.#grip.epoch);
    if (isReal) resource.note('acquired', who, held.token);
    else if (this.#believes(held) && !queues.wasTaken(this.#grip))
      violated(
        'exclusive',
        `${who} is told that it holds ${step.name} by ${held.token.revision}; first is ${queues.first(step.name)?.createRevision ?? 'nobody'} of history ${epoch.index}`,
      );
    return { resource };
  }

  /** The history that its token is of. The answer may have come after the store was replaced. */
  #epochOf({ key, token }: Held): Grip['epoch'] {
    const { truth } = this.#options;
    const known = truth.epochs.findLast(
      (epoch) =>
        epoch.identity === token.identity &&
        epoch.at(key, Math.min(token.revision, epoch.head))?.createRevision === token.revision,
    );
    return known ?? truth.current;
  }

  #gripOf(): Grip {
    if (this.#grip === undefined) throw new Error(`${this.who} holds nothing`);
    return this.#grip;
  }

  #wasTaken(): boolean {
    return this.#options.queues.wasTaken(this.#gripOf());
  }

  /** At any moment: who is told that it holds has really the first key of the queue. */
  look(): void {
    if (this.#state !== 'holding' || this.#held === undefined) return;
    if (!this.#options.process.runs || !this.#options.step.isAttentive) return;
    this.#look(this.#held);
  }

  #look(held: Held): void {
    const { queues, stats, violated, step, who } = this.#options;
    if (this.#isLate) return;
    stats.looks += 1;
    const grip = this.#gripOf();
    if (queues.isFirst(grip) || queues.wasTaken(grip) || !this.#believes(held)) return;
    this.#isLate = true;
    violated(
      'exclusive',
      `${who} still believes that it holds ${step.name} by ${grip.createRevision}; first is ${queues.first(step.name)?.createRevision ?? 'nobody'}`,
    );
  }

  /** When all is well again for a while: who lost what it held to somebody from outside has been told. */
  checkTold(): void {
    const { queues, violated, step, who } = this.#options;
    if (this.#state !== 'holding' || this.#held === undefined) return;
    const grip = this.#gripOf();
    if (!queues.isFirst(grip) && this.#believes(this.#held))
      violated('told', `${who} was never told that it lost ${step.name} by ${grip.createRevision}`);
  }

  #believes(held: Held): boolean {
    try {
      held.check();
      return true;
    } catch (error) {
      this.#judgeLoss(error);
      return false;
    }
  }

  #judgeLoss(error: unknown): void {
    const { violated, process, who } = this.#options;
    const open = this.#asked;
    if (isStoreError(error, 'closed') && open?.isClosed === true) return;
    if (!isStoreError(error, 'session-lost')) {
      violated('outcome', `${who}: check() threw ${String(error)}`);
      return;
    }
    const isSessionLost = open?.session.signal.aborted === true;
    if (!isSessionLost && !this.#wasTaken() && !this.#isLate) {
      this.#isLate = true;
      violated(
        'alarm',
        `${who} was told that it lost what it holds, in a session of ${process.name} that lives: ${String(error)}`,
      );
    }
  }

  async #proclaim(lead: Leadership): Promise<void> {
    try {
      await lead.proclaim(this.#nextValue(), { timeoutMs: 2_000 });
    } catch (error) {
      const isExpected =
        isOutage(error) ||
        isStoreError(error, 'session-lost') ||
        isStoreError(error, 'closed') ||
        this.#options.process.mayRefuse(error);
      if (!isExpected) this.#options.violated('outcome', `${this.who}: proclaim() failed: ${String(error)}`);
    }
  }

  #nextValue(): string {
    this.#values += 1;
    return `${this.who} ${this.#values}`;
  }

  /** A call may end so for a reason only. */
  #judge(error: unknown, { session, isClosed }: OpenSession): void {
    const { step, process, violated } = this.#options;
    const isExpected =
      (isStoreError(error, 'aborted') && step.abort !== undefined) ||
      (isStoreError(error, 'timeout') && step.timeoutMs !== undefined) ||
      (isStoreError(error, 'closed') && isClosed) ||
      isStoreError(error, 'internal') ||
      (isStoreError(error, 'session-lost') && (session.signal.aborted || this.#held !== undefined)) ||
      process.mayRefuse(error);
    if (!isExpected) violated('outcome', `${this.who}: ${step.how} failed with ${String(error)}`);
  }
}
