import { type DriverCall, isStoreError, StoreError, type WriteOutcome } from '@holdfast/store';
import type { NetFault } from './plan.js';
import type { Random } from './random.js';
import type { SimClock } from './sim-clock.js';

export interface LinkOptions {
  readonly clock: SimClock;
  readonly random: Random;
  readonly name: string;
  /** How long a silent connection is believed in. */
  readonly keepaliveMs: number;
  readonly count: (fault: string) => void;
}

type Mode = 'open' | 'cut' | 'silent';

/** How a connection ended, for whoever had something on it. */
export type OnReset = (cause: StoreError) => void;

/**
 * The network between one process and the store. Messages take a random time each; those of one stream stay in order, others
 * overtake one another. Whatever is under way when the connection is reset is lost.
 */
export class Link {
  readonly name: string;
  readonly #options: LinkOptions;
  readonly #resets = new Set<OnReset>();
  readonly #held: (() => void)[] = [];
  readonly #heldWatch: (() => void)[] = [];
  #mode: Mode = 'open';
  #generation = 0;
  /** What goes on until it heals. */
  readonly #lasting = new Set<'stall' | 'lose-answers' | 'slow' | 'deny' | 'proxy-answers'>();
  #cutAfter: number | undefined;
  readonly #atMessages: { left: number; readonly act: () => void }[] = [];
  readonly #hung = new Set<() => void>();
  #token: 'valid' | 'expired' | 'refused' = 'valid';
  #sent = 0;
  #newestArrived = 0;
  /** How many messages have arrived. */
  messages = 0;
  #badReads: { left: number; how: 'fail' | 'hang' | 'broken' } = { left: 0, how: 'fail' };

  constructor(options: LinkOptions) {
    this.#options = options;
    this.name = options.name;
  }

  get isUp(): boolean {
    return this.#mode !== 'cut';
  }

  get isDenied(): boolean {
    return this.#lasting.has('deny');
  }

  /** Whether a proxy answers in the server's place. */
  get isProxied(): boolean {
    return this.#lasting.has('proxy-answers');
  }

  /** Which connection it is: another one after each reset. */
  get generation(): number {
    return this.#generation;
  }

  /** Whether it knows who asks: without a token, only whoever asked before goes on. */
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

  /** Returns whether anything is different. */
  #apply(fault: NetFault): boolean {
    switch (fault) {
      case 'cut': {
        const was = this.#mode;
        this.reset();
        this.#mode = 'cut';
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

  /** Calls back right after so many more messages have arrived. */
  atMessage(messages: number, act: () => void): void {
    this.#atMessages.push({ left: messages, act });
  }

  /** Gets another token, as an adapter does that was told that its own is not good any more. */
  async renew(call: DriverCall): Promise<void> {
    await this.#exchange('read', call, async () => {
      if (this.#token === 'refused') throw this.stranger(undefined);
      this.#token = 'valid';
    });
  }

  cutAfter(messages: number): void {
    this.#cutAfter = messages;
  }

  failReads(left: number, how: 'fail' | 'hang' | 'broken'): void {
    this.#badReads = { left, how };
  }

  /** Ends the connection, as a server that restarts does; the next one can be made at once. */
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

  /** What an adapter makes of a proxy's answer: any refusal, none of which the store has made. */
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

  /** Calls back after a while, whatever happens to the connection meanwhile. */
  wait(ms: number, callback: () => void): void {
    this.#options.clock.set('network', callback, ms);
  }

  /**
   * Sends a message on a connection: `arrive` is called unless it is lost. `watch`: it is of a stream that may stall;
   * `notBefore` keeps it in order. Returns when it will arrive, on the true clock.
   */
  send(arrive: () => void, options: { readonly watch?: boolean; readonly notBefore?: number } = {}): number {
    const { clock } = this.#options;
    const generation = this.#generation;
    const at = Math.max(clock.now + this.delay(), options.notBefore ?? 0);
    const number = (this.#sent += 1);
    const deliver = () => {
      if (generation !== this.#generation || this.#mode === 'cut') return;
      if (this.#mode === 'silent') this.#held.push(deliver);
      else if (options.watch === true && this.#lasting.has('stall')) this.#heldWatch.push(deliver);
      else {
        if (number < this.#newestArrived) this.#options.count('message overtaken');
        else this.#newestArrived = number;
        this.messages += 1;
        arrive();
        this.#arrived();
      }
    };
    clock.set('network', deliver, at - clock.now);
    return at;
  }

  /** A call to the server: the request, the work there, the answer. Asked again with another token where that is all it takes. */
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
        // Nothing was asked of the server but a token.
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
        isOver = true;
        forget();
        this.#hung.delete(fail);
        signal?.removeEventListener('abort', onAbort);
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
      signal?.addEventListener('abort', onAbort, { once: true });
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
      // A request that is under way arrives, whatever its caller does meanwhile.
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

  #fallSilent(): void {
    this.#mode = 'silent';
    const generation = this.#generation;
    const { clock, keepaliveMs } = this.#options;
    clock.set(
      'network',
      () => {
        if (this.#mode !== 'silent' || generation !== this.#generation) return;
        this.#mode = 'cut';
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
    // Of one stream, what stalled was there before what fell silent.
    const held = [...this.#heldWatch.splice(0), ...this.#held.splice(0)];
    for (const deliver of held) deliver();
    // A server that answers again has forgotten what it was asked.
    for (const fail of [...this.#hung]) fail();
    // What was waiting for an answer that got lost learns it from the end of the connection.
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

/** What undoes faults, and is none. */
const ENDS: readonly NetFault[] = ['heal', 'grant', 'proxy-passes'];

const PROXY_CODES = ['unsupported', 'not-found', 'invalid-argument', 'internal', 'unavailable'] as const;
