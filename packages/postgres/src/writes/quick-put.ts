import type { PutResult, Revision } from '@holdfast/store';
import type { Session } from '../connection/session.js';
import { stateOf } from '../errors.js';
import { beginWrite } from '../schema/begin.js';
import { text } from '../sql/literals.js';
import { metaOf } from '../sql/meta.js';
import { callPut } from '../sql/put-function.js';
import type { Tables } from '../sql/tables.js';
import type { Job } from './jobs.js';
import { commitOf, Unchecked } from './write-transaction.js';

/** A put that is made, and not committed. */
export interface QuickPut {
  readonly result: PutResult;
  /** The statements that end the transaction. @param ring whether others are told */
  finish(ring: boolean): string;
}

/** Puts that nobody else shares a transaction with, by the function in the store's schema. It need not be there. */
export class QuickPuts {
  readonly #tables: Tables;
  #isThere = true;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** Makes the put of a job. `undefined` where it is not one, or has to be made in another way; then no transaction is open. */
  async begin(session: Session, { plain }: Job<unknown>): Promise<QuickPut | undefined> {
    if (plain === undefined || !this.#isThere) return undefined;
    const row = await this.#call(session, plain);
    if (row === undefined) return undefined;
    const meta = metaOf(row);
    if (!meta.isChecked) throw new Unchecked();
    if (text(row, 5) !== 't') {
      await session.run('ROLLBACK');
      return undefined;
    }
    const revision = meta.head + 1;
    return {
      result: { revision: revision as Revision },
      finish: (ring) => commitOf(this.#tables, ring ? revision : undefined),
    };
  }

  async #call(session: Session, { key, value }: NonNullable<Job<unknown>['plain']>) {
    try {
      const results = await session.run(`${beginWrite()} ${callPut(this.#tables, key, value)}`);
      return results.at(-1)?.[0];
    } catch (error) {
      // Tables that an owner without the right to make functions has made, or a role that may not call it.
      if (!['42883', '42501'].includes(stateOf(error) ?? '') || session.isLost) throw error;
      this.#isThere = false;
      await session.tidy();
      return undefined;
    }
  }
}
