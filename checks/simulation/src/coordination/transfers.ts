import { isStoreError, type KeyValue } from '@holdfast/store';
import type { Epoch, Truth } from '../truth/truth.js';
import { ACCOUNTS, type CoordinationStep } from './plan.js';
import type { Process } from './process.js';
import type { Queues } from './queues.js';
import { isOutage } from './refusals.js';

type Transfer = Extract<CoordinationStep, { do: 'transfer' }>;

export interface TransfersOptions {
  readonly truth: Truth;
  readonly queues: Queues;
  readonly stats: { transfers: number };
  readonly violated: (guarantee: string, message: string) => void;
}

/** What is in an account that nobody has written. */
const INITIAL = 100;
const TIMEOUT_MS = 3_000;

const accountKey = (account: number): string => `/accounts/${account}`;

/** Moves between accounts, by `transact()`: whatever happens, their sum stays the same, and each move happens once or not at all. */
export class Transfers {
  readonly #options: TransfersOptions;
  #count = 0;

  constructor(options: TransfersOptions) {
    this.#options = options;
  }

  async run(process: Process, { from, to, held }: Transfer): Promise<void> {
    const { truth, stats, queues, violated } = this.#options;
    const id = `/transfers/${(this.#count += 1)}`;
    const epoch = truth.current;
    const first = queues.first('/q/disk');
    const guard = held
      ? [
          {
            key: first?.key ?? '/q/disk/nobody',
            target: 'createRevision',
            op: '=',
            value: first?.createRevision ?? -1,
          } as const,
        ]
      : [];
    try {
      const { revision } = await process.implementation.transact(
        process.store,
        async (tx) => {
          const [source, target] = [await tx.get(accountKey(from)), await tx.get(accountKey(to))];
          tx.put(accountKey(from), String(amountIn(source) - 1));
          if (from !== to) tx.put(accountKey(to), String(amountIn(target) + 1));
          else tx.put(accountKey(to), String(amountIn(target)));
          tx.put(id, 'done');
        },
        { timeoutMs: TIMEOUT_MS, clock: process.clock, if: guard.filter(({ value }) => value >= 0) },
      );
      stats.transfers += 1;
      if (truth.current !== epoch) return;
      if (epoch.at(id, revision)?.modRevision !== revision)
        violated('applied once', `transfer ${id} was confirmed at ${revision}, and is not there`);
      if (held && first !== undefined && epoch.at(first.key, revision)?.createRevision !== first.createRevision)
        violated('guarded', `transfer ${id} happened at ${revision}, although its lock was not held any more`);
    } catch (error) {
      this.#judge(error, id, epoch, process);
    }
  }

  #judge(error: unknown, id: string, epoch: Epoch, process: Process): void {
    const { truth, violated } = this.#options;
    const isExpected =
      isOutage(error) ||
      isStoreError(error, 'conflict') ||
      isStoreError(error, 'history-changed') ||
      process.mayRefuse(error);
    if (!isExpected) violated('outcome', `transfer ${id} failed: ${String(error)}`);
    const isDenied = isStoreError(error) && error.outcome === 'not-applied';
    if (isDenied && truth.current === epoch && epoch.at(id, epoch.head) !== undefined)
      violated('applied once', `transfer ${id} is there, and its caller was told that it did not happen`);
  }

  /** At a revision of the present history. */
  checkSum(revision: number): void {
    const { truth, violated } = this.#options;
    const epoch = truth.current;
    let sum = 0;
    for (let account = 0; account < ACCOUNTS; account += 1) {
      const text = epoch.at(accountKey(account), revision)?.text;
      sum += text === undefined ? INITIAL : Number(text);
    }
    if (sum !== ACCOUNTS * INITIAL)
      violated('serializable', `the accounts have ${sum} in all at ${revision}, not ${ACCOUNTS * INITIAL}`);
  }
}

function amountIn(entry: Pick<KeyValue, 'value'> | undefined): number {
  return entry === undefined ? INITIAL : Number(Buffer.from(entry.value).toString());
}
