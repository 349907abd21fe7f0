import { isStoreError, type ConfigStore, type Op, type StoreErrorCode } from '@holdfast/store';
import { encodeUtf8 } from '@holdfast/store/adapter';

type Fields = Readonly<Record<string, unknown>>;

/** etcd's limits by default, which the memory store has too. */
const MOST_OPERATIONS = 128;
const MOST_BYTES = 1.5 * 1024 * 1024;

/**
 * The refusals that apply to a call that was refused. Which of several is told is not promised (C4), and differs between versions of etcd.
 * Nothing was written, so the memory store can be asked for each reason by itself.
 */
export async function refusalsOf(
  method: string,
  args: readonly unknown[],
  memory: ConfigStore,
): Promise<Set<StoreErrorCode>> {
  const reasons = new Reasons(memory);
  const [first, value, options] = args;
  if (method === 'put') await reasons.ofPut({ key: first, value, ...(options as Fields | undefined) });
  if (method === 'txn') await reasons.ofTxn(first as Fields, 0);
  if (args.some(isAborted)) reasons.codes.add('aborted');
  return reasons.codes;
}

/** Whether it is options with a signal that was aborted before the call. */
function isAborted(options: unknown): boolean {
  const { signal } = (options ?? {}) as Fields;
  return signal instanceof AbortSignal && signal.aborted;
}

class Reasons {
  readonly codes = new Set<StoreErrorCode>();
  readonly #memory: ConfigStore;
  #bytes = 0;

  constructor(memory: ConfigStore) {
    this.#memory = memory;
  }

  async ofPut({ key, value, lease, ignoreValue, ignoreLease }: Fields): Promise<void> {
    this.#add(String(key), value);
    if (lease !== undefined) await this.#ask(() => this.#memory.leases.timeToLive(lease as string));
    if (ignoreValue !== true && ignoreLease !== true) return;
    if ((await this.#memory.get(key as string)) === undefined) this.codes.add('not-found');
  }

  /** @param above how many operations the transactions around it have */
  async ofTxn(txn: Fields, above: number): Promise<void> {
    const parts = ['if', 'then', 'else'].map((name) => (txn[name] ?? []) as readonly Fields[]);
    const count = above + Math.max(...parts.map(({ length }) => length));
    if (count > MOST_OPERATIONS) this.codes.add('too-large');
    const [compares = [], ...branches] = parts;
    for (const { value } of compares) this.#add('', value);
    for (const op of branches.flat()) await this.#ofOperation(op, count);
  }

  async #ofOperation(op: Fields, count: number): Promise<void> {
    switch (op['type'] as Op['type']) {
      case 'put':
        return this.ofPut(op);
      case 'list':
        return this.#ask(() => this.#memory.list(op['range'] as string, { revision: op['revision'] as number }));
      case 'txn':
        return this.ofTxn(op['txn'] as Fields, count);
      case 'get':
      case 'delete':
        return undefined;
    }
  }

  #add(key: string, value: unknown): void {
    this.#bytes += key.length;
    if (value instanceof Uint8Array) this.#bytes += value.length;
    if (typeof value === 'string') this.#bytes += encodeUtf8(value).length;
    if (this.#bytes > MOST_BYTES) this.codes.add('too-large');
  }

  async #ask(question: () => Promise<unknown>): Promise<void> {
    try {
      await question();
    } catch (error) {
      if (isStoreError(error)) this.codes.add(error.code);
    }
  }
}
