import type { Clock, PutResult, Revision } from '@holdfast/store';
import { monotonicMs } from '@holdfast/adapter-kit';
import type { Session } from '../connection/session.js';
import { stateOf } from '../errors.js';
import { beginWrite } from '../schema/begin.js';
import { number, text } from '../sql/literals.js';
import { callPut, type CallPutOptions, type Put } from '../sql/put-function.js';
import type { Tables } from '../sql/tables.js';
import type { Attempt, Waiting } from './attempt.js';
import { Unchecked } from './write-transaction.js';

/** For how long others that had the lock are expected to have it again. */
const BUSY_MS = 100;
/** How long until the function is looked for again. */
const MISSING_MS = 60_000;

/** Tables that an owner without the right to make functions has made, or a role that may not call it. */
const NOT_THERE = ['42883', '42501'];
/** Waited for something for too long: longer than a call that commits may, or than the role allows. */
const TOO_SLOW = ['55P03', '57014'];

/** Puts that share a transaction with nothing else, by the function in the store's schema. It need not be there. */
export class QuickPuts {
  readonly #tables: Tables;
  readonly #clock: Clock;
  /** On the monotonic clock. */
  #missingUntil = -Infinity;
  #busyUntil = -Infinity;

  constructor(tables: Tables, clock: Clock) {
    this.#tables = tables;
    this.#clock = clock;
  }

  /** Makes and commits an attempt's calls if they are nothing but puts. Else, or where it can't, nothing was done, and no transaction is open. */
  async run(session: Session, attempt: Attempt, ring: boolean): Promise<boolean> {
    return (await this.#putAtOnce(session, attempt, ring)) || (await this.#putAndCommit(session, attempt, ring));
  }

  /**
   * In one request. If its connection is lost, nobody knows whether the puts were made: so one that has been idle, and may be dead since, is not
   * for it. Nor is it of use while other processes write.
   */
  async #putAtOnce(session: Session, attempt: Attempt, ring: boolean): Promise<boolean> {
    const { live } = attempt;
    const puts = this.#putsOf(live);
    if (puts === undefined || !session.isFresh || monotonicMs(this.#clock) < this.#busyUntil) return false;
    attempt.commits(live);
    const said = await this.#call(session, puts, { ring, waits: false });
    if (said === 'busy') this.#busyUntil = monotonicMs(this.#clock) + BUSY_MS;
    if (!isRevision(said)) attempt.nothingApplied();
    if (said === 'unchecked') throw new Unchecked();
    if (!isRevision(said)) return false;
    attempt.commits(live, resultsAfter(said, live.length));
    return true;
  }

  /** In two: while it waits for others that write, its callers may give up, and their puts are not made. */
  async #putAndCommit(session: Session, attempt: Attempt, ring: boolean): Promise<boolean> {
    const { live } = attempt;
    const puts = this.#putsOf(live);
    if (puts === undefined) return false;
    const said = await this.#call(session, puts, { ring, waits: true });
    if (said === 'unchecked') throw new Unchecked();
    // Who has given up meanwhile was told that nothing was applied.
    if (!isRevision(said) || live.some(({ isOver }) => isOver)) {
      await session.tidy();
      return false;
    }
    attempt.commits(live, resultsAfter(said, live.length));
    await session.run('COMMIT');
    return true;
  }

  #putsOf(calls: readonly Waiting[]): readonly Put[] | undefined {
    if (calls.length === 0 || monotonicMs(this.#clock) < this.#missingUntil) return undefined;
    const puts: Put[] = [];
    for (const { job } of calls) {
      if (job.plain === undefined) return undefined;
      puts.push(job.plain);
    }
    return puts;
  }

  /** Gives what the function returned, or that it is missing, or was too slow. */
  async #call(session: Session, puts: readonly Put[], options: CallPutOptions): Promise<string> {
    const call = callPut(this.#tables, puts, options);
    try {
      const results = options.waits
        ? await session.run(`${beginWrite()} ${call}`)
        : await session.run(`BEGIN ISOLATION LEVEL READ COMMITTED; ${call}; COMMIT`);
      return text(results.at(options.waits ? -1 : -2)?.[0], 0);
    } catch (error) {
      const state = stateOf(error) ?? '';
      const isMissing = NOT_THERE.includes(state);
      const isSlow = !options.waits && TOO_SLOW.includes(state);
      if ((!isMissing && !isSlow) || session.isLost) throw error;
      if (isMissing) this.#missingUntil = monotonicMs(this.#clock) + MISSING_MS;
      await session.tidy();
      return isMissing ? 'missing' : 'busy';
    }
  }
}

/** The revision before the puts, and no reason why there are none. */
function isRevision(said: string): boolean {
  return /^\d+$/.test(said);
}

function resultsAfter(said: string, count: number): readonly PutResult[] {
  const head = number([said], 0);
  return Array.from({ length: count }, (_, index) => ({ revision: (head + 1 + index) as Revision }));
}
