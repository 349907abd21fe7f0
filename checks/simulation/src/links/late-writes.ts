import type { ConfigStore } from '@holdfast/store';
import type { Link } from './link.js';
import type { SimClock } from '../sim-clock.js';

/** A call that writes. */
export type Writing = 'put' | 'delete' | 'txn';

export interface LateWritesOptions {
  readonly data: ConfigStore;
  readonly clock: SimClock;
  readonly link: () => Link;
  readonly count: (fault: string) => void;
  /** Which history the server has: what is under way when it is replaced is lost. */
  readonly history: () => number;
  /** Whether a write may be late. Its arguments are those of the store. */
  readonly mayBeLate: (writing: Writing, args: readonly unknown[]) => boolean;
  /** Called when a write arrives. Gives what is to be called with its result. */
  readonly onArrival?: () => (result: unknown, isLate: boolean) => void;
}

const WRITING: readonly unknown[] = ['put', 'delete', 'txn'] satisfies readonly Writing[];

/** The server's side of one connection. A write may lose its connection as it arrives, and be applied much later. */
export class LateWrites {
  readonly store: ConfigStore;
  readonly #options: LateWritesOptions;
  readonly #delays: number[] = [];

  constructor(options: LateWritesOptions) {
    this.#options = options;
    const { data } = options;
    this.store = new Proxy(data, {
      get: (_, name) => {
        const value: unknown = Reflect.get(data, name, data);
        if (typeof value !== 'function') return value;
        const call = value.bind(data) as (...args: unknown[]) => Promise<unknown>;
        if (!WRITING.includes(name)) return call;
        return (...args: unknown[]) => this.#write(name as Writing, args, () => call(...args));
      },
    });
  }

  /** The next write that may be late comes so late. */
  delayNext(ms: number): void {
    this.#delays.push(ms);
  }

  /** What was to be late, and has not come, is not late any more. */
  forget(): void {
    this.#delays.length = 0;
  }

  async #write(writing: Writing, args: readonly unknown[], write: () => Promise<unknown>): Promise<unknown> {
    const { clock, link, count, history, mayBeLate, onArrival } = this.#options;
    const note = onArrival?.();
    const delayMs = mayBeLate(writing, args) ? this.#delays.shift() : undefined;
    if (delayMs === undefined) {
      const result = await write();
      note?.(result, false);
      return result;
    }
    count('write lands late');
    const before = history();
    link().reset();
    await new Promise<void>((resolve) => {
      clock.set('server', resolve, delayMs);
    });
    if (history() !== before) throw new Error('the server that had the write is gone');
    const result = await write();
    note?.(result, true);
    return result;
  }
}
