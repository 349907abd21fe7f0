import { isStoreError, type Clock, type StoreError, type WriteOutcome } from '@holdfast/store';
import { addAbortListener, monotonicMs, removeAbortListener, sleep, withOutcome } from '@holdfast/adapter-kit';
import type { Backend } from '../backend.js';
import type { Session } from '../connection/session.js';
import { endsConnection, isBug, isQueueFull, isUnanswered, mayRepeat, toError } from '../errors.js';
import { beginWrite } from '../schema/begin.js';
import { integer, text, type Row } from '../sql/literals.js';
import { metaOf, selectMeta } from '../sql/meta.js';
import { versionOf } from '../sql/versions.js';
import { Attempt, type Ran, type Waiting } from './attempt.js';
import type { Job } from './jobs.js';
import { QuickPuts } from './quick-put.js';
import { newestOf, Unchecked, WriteTransaction } from './write-transaction.js';

/** The most calls that share a transaction, and about the most bytes of their keys and values. */
const MAX_JOBS = 256;
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_REPEATS = 10;
/** How long others are told nothing after the database had no room for it. */
const SILENCE_MS = 60_000;

/** A batch of which nothing was applied, and what may be done about it. */
interface Failure {
  readonly error: StoreError;
  readonly next: 'again' | 'reconnect' | 'alone' | 'give up';
}

/**
 * The calls of this process that write. Those that come while a transaction is under way share the next one: one commit, and one flush of the
 * database's log, for all of them.
 */
export class WriteQueue {
  readonly #backend: Backend;
  readonly #clock: Clock;
  readonly #onRevisions: () => void;
  readonly #quickPuts: QuickPuts;
  #waiting: Waiting[] = [];
  #isRunning = false;
  /** On the monotonic clock: a wall clock that is set back would make it long. */
  #silentUntil = -Infinity;

  /** @param onRevisions called after each commit with new revisions */
  constructor(backend: Backend, clock: Clock, onRevisions: () => void) {
    this.#backend = backend;
    this.#clock = clock;
    this.#onRevisions = onRevisions;
    this.#quickPuts = new QuickPuts(backend.tables, clock);
  }

  /** Runs a job. If the signal aborts before it was taken, it is not run. @throws StoreError with its outcome */
  submit<T>(job: Job<T>, signal?: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const waiting: Waiting<T> = {
        job,
        signal,
        isTaken: false,
        isOver: false,
        resolve: (result) => {
          end();
          resolve(result);
        },
        reject: (error) => {
          end();
          reject(error);
        },
        onAbort: () => {
          const reason = signal?.reason as StoreError;
          waiting.reject(waiting.isTaken ? reason : withOutcome(reason, 'not-applied'));
        },
      };
      const end = () => {
        waiting.isOver = true;
        removeAbortListener(signal, waiting.onAbort);
      };
      if (signal?.aborted === true) {
        waiting.onAbort();
        return;
      }
      addAbortListener(signal, waiting.onAbort);
      this.#waiting.push(waiting as Waiting);
      if (!this.#isRunning) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    // What is asked for in this turn shares the first transaction.
    await Promise.resolve();
    for (let batch = this.#next(); batch.length > 0; batch = this.#next()) await this.#runBatch(batch);
    this.#isRunning = false;
  }

  #next(): Waiting[] {
    const waiting = this.#waiting.filter(({ isOver }) => !isOver);
    let bytes = 0;
    let count = 0;
    while (count < waiting.length && count < MAX_JOBS) {
      bytes += waiting[count]?.job.bytes ?? 0;
      if (count > 0 && bytes > MAX_BYTES) break;
      count += 1;
    }
    this.#waiting = waiting.slice(count);
    return waiting.slice(0, count);
  }

  async #runBatch(batch: readonly Waiting[]): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const live = batch.filter(({ isOver }) => !isOver);
      if (live.length === 0) return;
      const failure = await this.#attempt(live);
      if (failure === undefined) return;
      const { error, next } = failure;
      // A connection that was idle while the server restarted fails at its first use.
      if (next === 'reconnect' && attempt === 1) continue;
      if (next === 'again' && attempt <= MAX_REPEATS) {
        await sleep(this.#clock, attempt * 5 * Math.random(), undefined);
        continue;
      }
      if (next === 'alone' && live.length > 1) {
        // One of them has failed it for all.
        for (const each of live) await this.#runBatch([each]);
        return;
      }
      for (const each of live) each.reject(error);
      return;
    }
  }

  /** Gives what went wrong if nothing was applied. */
  async #attempt(batch: readonly Waiting[]): Promise<Failure | undefined> {
    const { endpoint } = this.#backend;
    const attempt = new Attempt(batch);
    const abandoned = whenAllOver(batch);
    try {
      await this.#backend.ready(abandoned.signal);
      await this.#backend.connections.use(
        async (session) => {
          const rings = monotonicMs(this.#clock) >= this.#silentUntil;
          if (await this.#quickPuts.run(session, attempt, rings)) return;
          const transaction = await this.#begin(session, batch);
          attempt.ran = await runAll(transaction, batch);
          attempt.isCommitting = !transaction.isEmpty;
          attempt.hasRevisions = transaction.hasRevisions;
          await session.run(transaction.isEmpty ? 'ROLLBACK' : transaction.finish(rings));
        },
        { signal: abandoned.signal },
      );
    } catch (error) {
      if (attempt.isCommitting && isUnanswered(error)) {
        settleUnknown(attempt.ran, error, endpoint);
        return undefined;
      }
      return await this.#failed(batch, error);
    } finally {
      abandoned.end();
    }
    for (const each of attempt.ran) {
      if ('refusal' in each) each.waiting.reject(each.refusal);
      else each.waiting.resolve(each.result);
    }
    if (attempt.hasRevisions) this.#onRevisions();
    return undefined;
  }

  async #failed(batch: readonly Waiting[], error: unknown): Promise<Failure> {
    for (const each of batch) each.isTaken = false;
    const translated = toError(
      error instanceof Unchecked ? this.#backend.unchecked() : error,
      this.#backend.endpoint,
      'not-applied',
    );
    const failure = withOutcome(translated, 'not-applied');
    if (error instanceof Unchecked) {
      try {
        await this.#backend.check();
      } catch (refused) {
        return { error: withOutcome(toError(refused, this.#backend.endpoint), 'not-applied'), next: 'give up' };
      }
      return { error: failure, next: this.#backend.mayWrite ? 'again' : 'give up' };
    }
    if (isQueueFull(error)) {
      this.#silentUntil = monotonicMs(this.#clock) + SILENCE_MS;
      this.#backend.logger.warn(
        `${this.#backend.endpoint}: the queue of notifications is full, so changes are not told for a minute; a session of another application listens and does not read: see pg_stat_activity`,
      );
      return { error: failure, next: 'again' };
    }
    if (mayRepeat(error)) return { error: failure, next: 'again' };
    if (isStoreError(error)) return { error: failure, next: 'give up' };
    return { error: failure, next: endsConnection(error) && !isBug(error) ? 'reconnect' : 'alone' };
  }

  async #begin(session: Session, batch: readonly Waiting[]): Promise<WriteTransaction> {
    const { tables } = this.#backend;
    const keys = new Map<string, { readonly key: Uint8Array; readonly withValue: boolean }>();
    const leases = new Set<string>();
    for (const { job } of batch) {
      for (const { key, withValue } of job.keys) {
        const id = Buffer.from(key).toString('latin1');
        keys.set(id, { key, withValue: withValue || keys.get(id)?.withValue === true });
      }
      for (const lease of job.leases) leases.add(lease);
    }
    const asked = [
      selectMeta(tables),
      ...(leases.size === 0
        ? []
        : [`SELECT id, ttl FROM ${tables.leases} WHERE id IN (${[...leases].map(integer).join(', ')})`]),
      ...(keys.size === 0 ? [] : [newestOf(tables, [...keys.values()])]),
    ];
    const statements = [`LOCK TABLE ${tables.writeLock} IN EXCLUSIVE MODE`, ...asked];
    const results = await session.run(`${beginWrite()}\n${statements.join(';\n')}`);
    const answers = [...results.slice(-asked.length)];
    const meta = metaOf(answers.shift()?.[0]);
    if (!meta.isChecked) throw new Unchecked();
    const known: readonly Row[] = (leases.size === 0 ? undefined : answers.shift()) ?? [];
    const versions: readonly Row[] = answers.shift() ?? [];
    // A renewal that is under way is waited for, and then counts: whoever was told of one keeps the lease.
    const [due = []] =
      meta.nextExpiryMs === undefined || meta.nextExpiryMs > 0
        ? []
        : await session.run(
            `SELECT id FROM ${tables.leases} WHERE expires_at <= clock_timestamp() ORDER BY expires_at, id FOR UPDATE`,
          );
    const transaction = new WriteTransaction(session, tables, meta, {
      asked: [...keys.values()].map(({ key }) => key),
      versions: versions.map((row) => versionOf(row)),
      leases: known,
    });
    // First: the calls must meet the state without what has expired.
    for (const row of due) {
      await transaction.revoke(text(row, 0));
      transaction.endCall();
    }
    return transaction;
  }
}

async function runAll(transaction: WriteTransaction, batch: readonly Waiting[]): Promise<readonly Ran[]> {
  const ran: Ran[] = [];
  for (const waiting of batch) {
    if (waiting.isOver) continue;
    waiting.isTaken = true;
    try {
      const result = await waiting.job.run(transaction);
      ran.push({ waiting, result, wrote: transaction.endCall() });
    } catch (error) {
      // A refusal comes before the first change. Anything else ends the transaction.
      if (!isStoreError(error)) throw error;
      ran.push({ waiting, refusal: withOutcome(error, 'not-applied') });
    }
  }
  return ran;
}

/**
 * The connection was lost while the transaction was committed. Who has changed nothing knows that. A refusal holds if nothing came before it:
 * else it may be due to a change that was never made.
 */
function settleUnknown(ran: readonly Ran[], error: unknown, endpoint: string): void {
  let isChanged = false;
  for (const each of ran) {
    if ('refusal' in each && !isChanged) {
      each.waiting.reject(each.refusal);
      continue;
    }
    const wrote = 'wrote' in each && each.wrote;
    isChanged ||= wrote;
    const outcome: WriteOutcome = wrote ? 'unknown' : 'not-applied';
    each.waiting.reject(withOutcome(toError(error, endpoint, outcome), outcome));
  }
}

/** Aborts when no caller waits any more. */
function whenAllOver(batch: readonly Waiting[]): { readonly signal: AbortSignal | undefined; end(): void } {
  const signals = [...new Set(batch.map(({ signal }) => signal))];
  // Most calls have no signal of their own, and that of the store.
  if (signals.length === 1 || signals.includes(undefined)) {
    return { signal: signals.includes(undefined) ? undefined : signals[0], end: () => undefined };
  }
  const controller = new AbortController();
  const onAbort = () => {
    const open = signals.find((signal) => signal?.aborted === false);
    if (open === undefined) controller.abort(signals[0]?.reason);
  };
  for (const signal of signals) addAbortListener(signal, onAbort);
  return {
    signal: controller.signal,
    end: () => {
      for (const signal of signals) removeAbortListener(signal, onAbort);
    },
  };
}
