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
  #isStalled = false;
  #losesAnswers = false;
  #isDenied = false;
  #isSlow = false;
  #cutAfter: number | undefined;
  #badReads: { left: number; how: 'fail' | 'hang' | 'broken' } = { left: 0, how: 'fail' };

  constructor(options: LinkOptions) {
    this.#options = options;
    this.name = options.name;
  }

  get isUp(): boolean {
    return this.#mode !== 'cut';
  }

  get isDenied(): boolean {
    return this.#isDenied;
  }

  /** Which connection it is: another one after each reset. */
  get generation(): number {
    return this.#generation;
  }

  apply(fault: NetFault): void {
    switch (fault) {
      case 'cut':
        this.reset();
        this.#mode = 'cut';
        break;
      case 'reset':
        this.reset();
        break;
      case 'silence':
        if (this.#mode === 'open') this.#fallSilent();
        break;
      case 'stall':
        this.#isStalled = true;
        break;
      case 'lose-answers':
        this.#losesAnswers = true;
        break;
      case 'slow':
        this.#isSlow = true;
        break;
      case 'deny':
        this.#isDenied = true;
        break;
      case 'heal':
        this.#heal();
        break;
      default:
        fault satisfies never;
    }
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
    if (this.#losesAnswers) this.#losesAnswers = false;
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

  delay(): number {
    const { random } = this.#options;
    return this.#isSlow ? 20 + random.below(400) : random.chance(0.9) ? 1 + random.below(4) : random.below(60);
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
    const deliver = () => {
      if (generation !== this.#generation || this.#mode === 'cut') return;
      if (this.#mode === 'silent') this.#held.push(deliver);
      else if (options.watch === true && this.#isStalled) this.#heldWatch.push(deliver);
      else {
        arrive();
        this.#count();
      }
    };
    clock.set('network', deliver, at - clock.now);
    return at;
  }

  /** A call to the server: the request, the work there, the answer. */
  call<T>(kind: 'read' | 'write', { signal }: DriverCall, run: () => Promise<T>): Promise<T> {
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
        signal?.removeEventListener('abort', onAbort);
        act();
      };
      const onAbort = () => {
        settle(() => {
          reject(signal?.reason as Error);
        });
      };
      const forget = this.onReset(() => {
        settle(() => {
          reject(this.outage(outcome('unknown')));
        });
      });
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
      if (bad !== undefined) this.#badReads.left -= 1;
      if (bad === 'hang') return;
      const answer = (act: () => void) => {
        if (this.#losesAnswers) return;
        this.send(() => {
          settle(act);
        });
      };
      // A request that is under way arrives, whatever its caller does meanwhile.
      this.send(() => {
        if (kind === 'read' && isOver) return;
        if (this.#isDenied) {
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
    this.#isStalled = false;
    this.#isDenied = false;
    this.#isSlow = false;
    this.#cutAfter = undefined;
    this.#badReads = { left: 0, how: 'fail' };
    // Of one stream, what stalled was there before what fell silent.
    const held = [...this.#heldWatch.splice(0), ...this.#held.splice(0)];
    for (const deliver of held) deliver();
    // What was waiting for an answer that got lost learns it from the end of the connection.
    if (this.#losesAnswers) this.reset();
  }

  #count(): void {
    if (this.#cutAfter === undefined) return;
    this.#cutAfter -= 1;
    if (this.#cutAfter > 0) return;
    this.#cutAfter = undefined;
    this.reset();
  }
}
