import type { KeyValue, TxnResult } from '@holdfast/store';
import { DelegatingDriver, type DriverCall, type DriverGetOptions, type DriverTxn } from '@holdfast/store/adapter';

/** A store whose answers wait while they are held. */
class LateAnswers extends DelegatingDriver {
  #gate: Promise<void> | undefined;
  /** How many answers wait. */
  waiting = 0;

  /** Gives what lets the answers go. */
  hold(): () => void {
    let release: () => void = () => undefined;
    this.#gate = new Promise<void>((resolve) => (release = resolve));
    return () => {
      this.#gate = undefined;
      release();
    };
  }

  protected async late<T>(answer: Promise<T>): Promise<T> {
    const result = await answer;
    this.waiting += 1;
    await this.#gate;
    this.waiting -= 1;
    return result;
  }
}

/** A store whose transactions are answered late. */
export class SlowTransactions extends LateAnswers {
  override txn(txn: DriverTxn, call: DriverCall): Promise<TxnResult> {
    return this.late(super.txn(txn, call));
  }
}

/** A store whose reads of a key are answered late. */
export class SlowAnswers extends LateAnswers {
  override get(key: string, options: DriverGetOptions, call: DriverCall): Promise<KeyValue | undefined> {
    return this.late(super.get(key, options, call));
  }
}
