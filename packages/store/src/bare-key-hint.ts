import type { Logger } from './logger.js';
import type { Txn } from './txn.js';

/** Warns, once for a store, of a bare key that ends in a slash: it is legal, and most often a prefix that somebody meant. */
export class BareKeyHint {
  readonly #logger: Logger;
  #isSaid = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @param call what takes the range, for the message: `list()` */
  mind(range: unknown, call: string): void {
    if (this.#isSaid || typeof range !== 'string' || !range.endsWith('/')) return;
    this.#isSaid = true;
    const key = JSON.stringify(range);
    this.#logger.warn(
      `${call} of ${key} is about this one key, not about the keys below it: for those pass { prefix: ${key} }. ` +
        `If the key is meant, pass { key: ${key} }. This is said once for a store`,
      { key: range },
    );
  }

  /** @param txn checked already */
  mindTxn({ if: compares = [], then: kept = [], else: other = [] }: Txn): void {
    if (this.#isSaid) return;
    for (const parts of [compares, kept, other]) {
      for (const part of parts) {
        if ('txn' in part) this.mindTxn(part.txn);
        else if ('range' in part) this.mind(part.range, 'txn()');
      }
    }
  }
}
