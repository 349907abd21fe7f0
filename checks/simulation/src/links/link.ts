import { isStoreError, StoreError, type WriteOutcome } from '@holdfast/store';
import { addAbortListener, removeAbortListener, type DriverCall } from '@holdfast/store/adapter';
import type { NetFault } from '../plans/plan.js';
import type { Random } from '../plans/random.js';
import type { SimClock } from '../sim-clock.js';

export interface LinkOptions {
  readonly clock: SimClock;
  readonly random: Random;
  readonly name: string;
  /** After this long, a silent connection counts as dead. */
  readonly keepaliveMs: number;
  readonly count: (fault: string) => void;
}

type Mode = 'open' | 'cut' | 'silent';

/** Called for everything on a connection when it ends. */
export type OnReset = (cause: StoreError) => void;

/**
 * The network between one process and the store. Each message takes a random time. Messages of one stream stay in order, others overtake
 * each other. A reset of the connection loses all messages on their way.
 */
export class Link {
  readonly name: string;
  readonly #options: LinkOptions;
  readonly #resets = new Set<OnReset>();
  readonly #held: (() => void)[] = [];
  readonly #heldWatch: (() => void)[] = [];
  /** What reached the process while it was suspended. */
  #unread: (() => void)[] | undefined;
  #mode: Mode = 'open';
  #downSince = 0;
  #generation = 0;
  /** The faults that last until the link heals. */
  readonly #lasting = new Set<'stall' | 'lose-answers' | 'slow' | 'deny' | 'proxy-answers'>();
  #cutAfter: number | undefined;
  readonly #atMessages: { left: number; readonly act: () => void }[] = [];
  readonly #hung = new Set<() => void>();
  #token: 'valid' | 'expired' | 'refused' = 'valid';
  #sent = 0;
  #newestArrived = 0;
  /** The number of messages that have arrived. */
  messages = 0;
  #badReads: { left: number; how: 'fail' | 'hang' | 'broken' } = { left: 0, how: 'fail' };

  constructor(options: LinkOptions) {
    this.#options = options;
    this.name = options.name;
  }

  get isUp(): boolean {
    return this.#mode !== 'cut';
  }

  /** Since when nothing gets through, and everybody is told so; on the true clock. */
  get downSince(): number | undefined {
    return this.#mode === 'cut' ? this.#downSince : undefined;
  }

  get isDenied(): boolean {
    return this.#lasting.has('deny');
  }

  /** Whether a proxy answers instead of the server. */
  get isProxied(): boolean {
    return this.#lasting.has('proxy-answers');
  }

  /** The number of the connection. It changes with each reset. */
  get generation(): number {
    return this.#generation;
  }

  /** Whether the client has a valid token. Without one, only existing streams continue. */
  get isAuthenticated(): boolean {
    return this.#token === 'valid';
  }

  /** Requests without an answer, and streams. */
  get pending(): number {
    return this.#resets.size;
  }

  apply(fault: NetFault): void {
    if (this.#apply(fault) && !ENDS.includes(fault)) this.#options.count(fault);
  }

  /** Returns whether the fault changed anything. */
  #apply(fault: NetFault): boolean {
    switch (fault) {
      case 'cut': {
        const was = this.#mode;
        this.reset();
        this.#goDown();
        return was !== 'cut';
      }
      case 'reset':
        this.reset();
        return this.#mode !== 'cut';
      case 'silence':
        if (this.#mode !== 'open') return false;
        this.#fallSilent();
        return true;
      case 'stall':
      case 'lose-answers':
      case 'slow':
      case 'deny':
      case 'proxy-answers':
        if (this.#lasting.has(fault)) return false;
        this.#lasting.add(fault);
        return true;
      case 'expire':
        if (this.#token !== 'valid') return false;
        this.#token = 'expired';
        return true;
      case 'lock-out':
        if (this.#token === 'refused') return false;
        this.#token = 'refused';
        return true;
      case 'grant':
        this.#grant();
        return true;
      case 'proxy-passes':
        this.#lasting.delete('proxy-answers');
        return true;
      case 'heal':
        this.#heal();
        return true;
      default:
        return fault satisfies never;
    }
  }

  #grant(): void {
    this.#lasting.delete('deny');
    if (this.#token === 'refused') this.#token = 'expired';
  }

  /** Calls back right after this many more messages have arrived. */
  atMessage(messages: number, act: () => void): void {
    this.#atMessages.push({ left: messages, act });
  }

  /** Gets a new token, as an adapter does after its own was refused. */
  async renew(call: DriverCall): Promise<void> {
    await this.#exchange('read', call, async () => {
      if (this.#token === 'refused') throw this.stranger(undefined);
      this.#token = 'valid';
    });
  }

  /** The process does not run: what reaches it waits, and what it has sent goes its way. */
  suspend(): void {
    this.#unread ??= [];
  }

  resume(): void {
    const unread = this.#unread ?? [];
    this.#unread = undefined;
    for (const read of unread) read();
  }

  cutAfter(messages: number): void {
    this.#cutAfter = messages;
  }

  failReads(left: number, how: 'fail' | 'hang' | 'broken'): void {
    this.#badReads = { left, how };
  }

  /** Ends the connection, as a restarting server does. The next one can be made at once. */
  reset(): void {
    this.#generation += 1;
    this.#held.length = 0;
    this.#heldWatch.length = 0;
    this.#lasting.delete('lose-answers');
    const cause = this.outage(undefined);
    for (const onReset of [...this.#resets]) onReset(cause);
  }

  onReset(listener: OnReset): () => void {
    this.#resets.add(listener);
    return () => this.#resets.delete(listener);
  }

  outage(outcome: WriteOutcome | undefined): StoreError {
    return new StoreError('unavailable', `the connection of ${this.name} was lost`, {
      outcome,
      endpoint: 'simulated:1',
    });
  }

  denial(outcome: WriteOutcome | undefined): StoreError {
    return new StoreError('permission-denied', `${this.name} may not do that any more`, { outcome });
  }

  stranger(outcome: WriteOutcome | undefined): StoreError {
    return new StoreError('unauthenticated', `the token of ${this.name} is not good any more`, { outcome });
  }

  /** An adapter's error for a proxy's answer: any refusal, although the store has not refused. */
  proxyAnswer(outcome: WriteOutcome | undefined): StoreError {
    const code = this.#options.random.pick(PROXY_CODES);
    this.#options.count(`proxy answered: ${code}`);
    return new StoreError(code, `404 page not found, says a proxy to ${this.name}`, { outcome });
  }

  delay(): number {
    const { random } = this.#options;
    return this.#lasting.has('slow')
      ? 20 + random.below(400)
      : random.chance(0.9)
        ? 1 + random.below(4)
        : random.below(60);
  }

  /** Calls back after a time, even if the connection ends meanwhile. */
  wait(ms: number, callback: () => void): void {
    this.#options.clock.set('network', callback, ms);
  }

  /**
   * Sends a message on a connection. `arrive` is called unless the message is lost. `watch`: it belongs to a stream that may stall;
   * `notBefore` keeps it in order. Returns when it will arrive, on the true clock.
   */
  send(arrive: () => void, options: { readonly watch?: boolean; readonly notBefore?: number } = {}): number {
    const { clock } = this.#options;
    const generation = this.#generation;
    const at = Math.max(clock.now + this.delay(), options.notBefore ?? 0);
    const number = (this.#sent += 1);
    const read = () => {
      if (generation !== this.#generation || this.#mode === 'cut') return;
      if (number < this.#newestArrived) this.#options.count('message overtaken');
      else this.#newestArrived = number;
      this.messages += 1;
      arrive();
      this.#arrived();
    };
    const deliver = () => {
      if (generation !== this.#generation || this.#mode === 'cut') return;
      if (this.#mode === 'silent') this.#held.push(deliver);
      else if (options.watch === true && this.#lasting.has('stall')) this.#heldWatch.push(deliver);
      // It is in the process's buffer then: no later fault of the network puts it behind others of its stream.
      else if (options.watch === true && this.#unread !== undefined) this.#unread.push(read);
      else read();
    };
    clock.set('network', deliver, at - clock.now);
    return at;
  }

  /** A call to the server: the request, the work there, the answer. It is repeated with a new token if only the token was wrong. */
  async call<T>(kind: 'read' | 'write', call: DriverCall, run: () => Promise<T>): Promise<T> {
    const checked = async () => {
      if (!this.isAuthenticated) throw this.stranger(kind === 'write' ? 'not-applied' : undefined);
      return run();
    };
    try {
      return await this.#exchange(kind, call, checked);
    } catch (error) {
      if (!isStoreError(error, 'unauthenticated')) throw error;
      await this.renew(call).catch((cause: unknown) => {
        // Only a token was asked for, so nothing was applied.
        const { code, message } = cause as StoreError;
        throw kind === 'write' ? new StoreError(code, message, { outcome: 'not-applied' }) : cause;
      });
      return this.#exchange(kind, call, checked);
    }
  }

  #exchange<T>(kind: 'read' | 'write', { signal }: DriverCall, run: () => Promise<T>): Promise<T> {
    const outcome = (at: WriteOutcome) => (kind === 'write' ? at : undefined);
    return new Promise<T>((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      let isOver = false;
      const settle = (act: () => void) => {
        if (isOver) return;
        if (this.#unread !== undefined) {
          this.#unread.push(() => {
            settle(act);
          });
          return;
        }
        isOver = true;
        forget();
        this.#hung.delete(fail);
        removeAbortListener(signal, onAbort);
        act();
      };
      const onAbort = () => {
        settle(() => {
          reject(signal?.reason as Error);
        });
      };
      const fail = () => {
        settle(() => {
          reject(this.outage(outcome('unknown')));
        });
      };
      const forget = this.onReset(fail);
      addAbortListener(signal, onAbort);
      if (this.#mode === 'cut') {
        this.#options.clock.set(
          'network',
          () => {
            settle(() => {
              reject(this.outage(outcome('not-applied')));
            });
          },
          this.delay(),
        );
        return;
      }
      const bad = kind === 'read' && this.#badReads.left > 0 ? this.#badReads.how : undefined;
      if (bad !== undefined) {
        this.#badReads.left -= 1;
        this.#options.count(`read: ${bad}`);
      }
      if (bad === 'hang') {
        this.#hung.add(fail);
        return;
      }
      const answer = (act: () => void) => {
        if (this.#lasting.has('lose-answers')) {
          this.#options.count('answer lost');
          return;
        }
        this.send(() => {
          settle(act);
        });
      };
      // A request on its way arrives, even if its caller aborts meanwhile.
      this.send(() => {
        if (kind === 'read' && isOver) return;
        if (this.#lasting.has('proxy-answers')) {
          const refusal = this.proxyAnswer(outcome('not-applied'));
          answer(() => {
            reject(refusal);
          });
          return;
        }
        if (this.#lasting.has('deny')) {
          answer(() => {
            reject(this.denial(outcome('not-applied')));
          });
          return;
        }
        if (bad !== undefined) {
          answer(() => {
            reject(new StoreError(bad === 'fail' ? 'unavailable' : 'internal', 'the read failed at the server'));
          });
          return;
        }
        run().then(
          (result) => {
            answer(() => {
              resolve(result);
            });
          },
          (error: unknown) => {
            answer(() => {
              reject(isStoreError(error) ? error : new StoreError('internal', String(error), { cause: error }));
            });
          },
        );
      });
    });
  }

  #goDown(): void {
    if (this.#mode !== 'cut') this.#downSince = this.#options.clock.now;
    this.#mode = 'cut';
  }

  #fallSilent(): void {
    this.#mode = 'silent';
    const generation = this.#generation;
    const { clock, keepaliveMs } = this.#options;
    clock.set(
      'network',
      () => {
        if (this.#mode !== 'silent' || generation !== this.#generation) return;
        this.#goDown();
        this.reset();
      },
      keepaliveMs,
    );
  }

  #heal(): void {
    this.#mode = 'open';
    this.#grant();
    this.#lasting.delete('stall');
    this.#lasting.delete('slow');
    this.#lasting.delete('proxy-answers');
    this.#cutAfter = undefined;
    this.#badReads = { left: 0, how: 'fail' };
    // Within one stream, stalled messages come before those that fell silent.
    const held = [...this.#heldWatch.splice(0), ...this.#held.splice(0)];
    for (const deliver of held) deliver();
    // A server that answers again has forgotten earlier requests.
    for (const fail of [...this.#hung]) fail();
    // Calls whose answers were lost learn it from the end of the connection.
    if (this.#lasting.has('lose-answers')) this.reset();
  }

  #arrived(): void {
    for (const each of [...this.#atMessages]) {
      each.left -= 1;
      if (each.left > 0) continue;
      this.#atMessages.splice(this.#atMessages.indexOf(each), 1);
      each.act();
    }
    if (this.#cutAfter === undefined) return;
    this.#cutAfter -= 1;
    if (this.#cutAfter > 0) return;
    this.#cutAfter = undefined;
    this.#options.count('cut at a message');
    this.reset();
  }
}

/** The entries that end faults, and are not faults themselves. */
const ENDS: readonly NetFault[] = ['heal', 'grant', 'proxy-passes'];

const PROXY_CODES = ['unsupported', 'not-found', 'invalid-argument', 'internal', 'unavailable'] as const;
