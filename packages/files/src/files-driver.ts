import {
  abortable,
  checkTxnSize,
  compareHolds,
  followChanges,
  type KeyRange,
  type RequestLimits,
  listItems,
  quoted,
  type DriverCall,
  type DriverDeleteOptions,
  type DriverGetOptions,
  type DriverListOptions,
  type DriverOp,
  type DriverPutOptions,
  type DriverTxn,
  type StoreDriver,
} from '@holdfast/adapter-kit';
import {
  StoreError,
  type Capabilities,
  type DeleteResult,
  type KeyValue,
  type ListResult,
  type OpResult,
  type PutResult,
  type StoreStatus,
  type TxnResult,
} from '@holdfast/store';
import { copied, toKeyValue, type Held } from './live/live-entries.js';
import type { LiveFiles } from './live/live-files.js';
import type { Settings } from './options.js';

/** One handle on the files: translates between the contract and {@link LiveFiles}. */
export class FilesDriver implements StoreDriver {
  readonly name = 'files';
  readonly keepsProcessAlive = false;
  readonly watch: StoreDriver['watch'];
  readonly capabilities: Capabilities;
  readonly endpoints: readonly string[];
  readonly #files: LiveFiles;
  readonly #limits: RequestLimits;
  #closed = false;

  constructor(files: LiveFiles, capabilities: Capabilities, { clock, path, pollMs }: Settings) {
    this.#files = files;
    const { maxRequestBytes = Infinity } = capabilities;
    this.#limits = { maxRequestBytes, maxTxnOperations: Infinity };
    this.capabilities = capabilities;
    this.endpoints = [path];
    const { history } = files.entries;
    this.watch = followChanges({
      head: async () => {
        await files.poll();
        return history.head();
      },
      changesSince: async (after) => {
        await files.poll();
        const changes = history.changesSince(after);
        return { ...changes, events: changes.events.map(copied) };
      },
      doorbell: files.doorbell,
      pollMs,
      clock,
    });
  }

  async list(range: KeyRange, options: DriverListOptions, call: DriverCall): Promise<ListResult> {
    await this.#read(options, call);
    const held = this.#files.entries.all(range);
    const items = held.flatMap((each) => (each.source.key === undefined ? [] : [toKeyValue(each.source.key, each)]));
    const undecodable = held.flatMap(({ source: { key, rawKey }, modRevision: revision }) =>
      key === undefined ? [{ rawKey, revision, deleted: false }] : [],
    );
    return { ...listItems(items, options, undecodable), bookmark: this.#files.entries.history.head() };
  }

  async get(key: string, options: DriverGetOptions, call: DriverCall): Promise<KeyValue | undefined> {
    await this.#read(options, call);
    return this.#files.entries.get(key);
  }

  async put(key: string, value: Uint8Array, options: DriverPutOptions, { signal }: DriverCall): Promise<PutResult> {
    const mustLook = options.ignoreValue || options.ignoreLease;
    return this.#files.write(key, { mustLook, signal }, async (held, writer) => {
      await writer.put(valueToPut(key, value, options, held?.source.value));
      return this.#written(options.previous ? held : undefined, key);
    });
  }

  async delete(range: KeyRange, { previous }: DriverDeleteOptions, { signal }: DriverCall): Promise<DeleteResult> {
    const { entries } = this.#files;
    const deleted = await this.#files.deleteAll(() => entries.all(range), signal);
    const items = deleted.flatMap((held) => (held.source.key === undefined ? [] : [toKeyValue(held.source.key, held)]));
    return {
      revision: entries.history.revision,
      deleted: deleted.length,
      ...(previous && { previous: listItems(items, ALL).items }),
    };
  }

  /** Of one key, with at most one write: decided and done with nobody else of this process in between. */
  async txn(txn: DriverTxn, call: DriverCall): Promise<TxnResult> {
    const key = onlyKey(txn);
    checkTxnSize(txn, this.#limits);
    const writes = [...txn.then, ...txn.else].some(({ type }) => type !== 'get');
    if (!writes) {
      await this.#read({ consistency: 'linearizable' }, call);
      return this.#run(txn, key, undefined);
    }
    const { signal } = call;
    return this.#files.write(key, { mustLook: true, signal }, (_, writer) => this.#run(txn, key, writer));
  }

  async #run(txn: DriverTxn, key: string, writer: KeyWriting | undefined): Promise<TxnResult> {
    const { entries } = this.#files;
    const before = entries.get(key);
    const succeeded = txn.if.every((compare) => compareHolds(compare, before === undefined ? [] : [before]));
    const results: OpResult[] = [];
    for (const op of succeeded ? txn.then : txn.else) results.push(await this.#step(op, key, before, writer));
    return { succeeded, revision: entries.history.revision, results };
  }

  async #step(
    op: DriverOp,
    key: string,
    before: KeyValue | undefined,
    writer: KeyWriting | undefined,
  ): Promise<OpResult> {
    const { entries } = this.#files;
    switch (op.type) {
      case 'put':
        await writer?.put(valueToPut(key, op.value, op.options, before?.value));
        return {
          type: 'put',
          revision: entries.history.revision,
          ...(op.options.previous && before !== undefined && { previous: before }),
        };
      case 'delete':
        if (before !== undefined) await writer?.delete();
        return {
          type: 'delete',
          revision: entries.history.revision,
          deleted: before === undefined ? 0 : 1,
          ...(op.options.previous && { previous: before === undefined ? [] : [before] }),
        };
      default:
        return { type: 'get', item: entries.get(key) };
    }
  }

  async status(call: DriverCall): Promise<StoreStatus> {
    await this.#read({ consistency: 'linearizable' }, call);
    const { history, sizeBytes } = this.#files.entries;
    return { version: process.version, members: [], revision: history.revision, identity: history.identity, sizeBytes };
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  async #read({ consistency }: Pick<DriverGetOptions, 'consistency'>, { signal }: DriverCall): Promise<void> {
    // A mount that hangs must not hold the caller.
    await abortable(consistency === 'serializable' ? this.#files.loaded() : this.#files.look(), signal);
  }

  #written(previous: Held | undefined, key: string): PutResult {
    const { revision } = this.#files.entries.history;
    return previous === undefined ? { revision } : { revision, previous: toKeyValue(key, previous) };
  }
}

/** @throws StoreError `not-found` where something is to be kept, and nothing is there */
function valueToPut(
  key: string,
  value: Uint8Array,
  { ignoreValue, ignoreLease }: DriverPutOptions,
  present: Uint8Array | undefined,
): Uint8Array {
  if (!ignoreValue && !ignoreLease) return value;
  if (present === undefined) {
    const option = ignoreValue ? 'ignoreValue' : 'ignoreLease';
    throw new StoreError('not-found', `${option} needs a key that is there, and ${quoted(key)} is not; put a value`, {
      outcome: 'not-applied',
    });
  }
  return ignoreValue ? present : value;
}

interface KeyWriting {
  put(value: Uint8Array): Promise<void>;
  delete(): Promise<void>;
}

/**
 * The only key that a transaction is about.
 *
 * @throws StoreError `unsupported` for other transactions: several files can't be changed at once
 */
function onlyKey(txn: DriverTxn): string {
  const ops = [...txn.then, ...txn.else];
  if (ops.some(({ type }) => type === 'txn' || type === 'list'))
    throw unsupported('use put, delete and get of one key');
  const keys = new Set([
    ...txn.if.map(({ range }) => range.key),
    ...ops.map((op) => ('range' in op ? op.range.key : 'key' in op ? op.key : undefined)),
  ]);
  const [key] = keys;
  if (keys.size !== 1 || key === undefined) throw unsupported('name one key in all compares and operations');
  for (const branch of [txn.then, txn.else]) {
    if (branch.filter(({ type }) => type !== 'get').length > 1) throw unsupported('write once in a branch');
  }
  return key;
}

function unsupported(advice: string): StoreError {
  return new StoreError(
    'unsupported',
    `a files store has single-key transactions only: ${advice} (see capabilities.transactions)`,
    { outcome: 'not-applied' },
  );
}

const ALL = {
  limit: undefined,
  keysOnly: false,
  countOnly: false,
  minModRevision: undefined,
  sort: undefined,
} as const;
