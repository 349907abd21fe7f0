import type { ConfigStore, Txn, TxnResult } from '@holdfast/store';
import type { Link } from '../links/link.js';
import type { SimClock } from '../sim-clock.js';

export interface LateWritesOptions {
  readonly data: ConfigStore;
  readonly clock: SimClock;
  readonly link: () => Link;
  readonly count: (fault: string) => void;
  /** Which history the server has: what is under way when it is replaced is lost. */
  readonly history: () => number;
}

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
        if (name === 'txn') return (request: Txn) => this.#txn(request);
        const value: unknown = Reflect.get(data, name, data);
        return typeof value === 'function' ? (value.bind(data) as unknown) : value;
      },
    });
  }

  /** The next write with a lease comes so late. */
  delayNext(ms: number): void {
    this.#delays.push(ms);
  }

  /** What was to be late, and has not come, is not late any more. */
  forget(): void {
    this.#delays.length = 0;
  }

  async #txn(request: Txn): Promise<TxnResult> {
    const { data, clock, link, count, history } = this.#options;
    const isLeased = request.then?.some((op) => op.type === 'put' && op.lease !== undefined) === true;
    const delayMs = isLeased ? this.#delays.shift() : undefined;
    if (delayMs === undefined) return data.txn(request);
    count('write lands late');
    const before = history();
    link().reset();
    await new Promise<void>((resolve) => {
      clock.set('server', resolve, delayMs);
    });
    if (history() !== before) throw new Error('the server that had the write is gone');
    return data.txn(request);
  }
}
