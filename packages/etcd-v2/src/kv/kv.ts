import {
  StoreError,
  type DeleteResult,
  type GuardedDeleteResult,
  type GuardedPutResult,
  type KeyValue,
  type PutResult,
} from '@holdfast/store';
import {
  quoted,
  type DriverCall,
  type DriverDeleteOptions,
  type DriverGuard,
  type DriverPutOptions,
  type KeyRange,
} from '@holdfast/store/adapter';
import { writeOf } from '../json/answer.js';
import { isFile, toKeyValue, type V2Event, type V2File } from '../json/codec.js';
import type { Connection } from '../connection/connection.js';
import { exactDirectory, keyPath } from '../json/key-path.js';
import { checkTtl } from '../json/ttl.js';
import { holds, native, toText, type NativeGuard } from './guard.js';
import { bookmarkOf, readForWrite } from './reads.js';
import { deleteResult, putResult, type Outcome } from './results.js';

/** What to do with a key, decided by its current content. */
export type Decision =
  | { readonly kind: 'write'; readonly value: string }
  | { readonly kind: 'delete' }
  /** The guard does not hold. */
  | { readonly kind: 'refuse' };

const NOT_THERE = 100;
const COMPARE_FAILED = 101;
const NOT_A_FILE = 102;
const NOT_A_DIRECTORY = 104;
const EXISTS = 105;
/** How often a put that meets other writers uses `prevExist`, before it overwrites the key unconditionally. */
const PATIENCE = 8;

/**
 * Writes. A plain `PUT` ("set") would begin a new life of the key each time, with another `createdIndex`. So a put either updates the key or
 * creates it, and the server refuses the wrong one without doing anything.
 */
export class Kv {
  readonly #connection: Connection;
  /** Which of the two succeeded last: a bulk load always creates, a gateway updates. */
  #creates = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async put(key: string, value: Uint8Array, options: DriverPutOptions, call: DriverCall): Promise<PutResult> {
    checkPutOptions(options);
    const text = toText(value);
    if (options.ignoreValue) {
      const outcome = await this.#decide(key, options, call, (file) =>
        file === undefined ? { kind: 'refuse' } : { kind: 'write', value: file.value },
      );
      if (!outcome.succeeded) throw nothingToKeep(key);
      return putResult(outcome, options);
    }
    // etcd 3.4 takes an update with an empty value for one of a directory: it succeeds, and writes no entry.
    if (text === '') {
      return putResult(await this.#decide(key, options, call, () => ({ kind: 'write', value: '' })), options);
    }
    for (let tries = 0; tries < PATIENCE; tries += 1) {
      const guard: NativeGuard = { prevExist: this.#creates ? 'false' : 'true' };
      const outcome = await this.write(key, text, guard, options, call, [this.#creates ? EXISTS : NOT_THERE]);
      if (outcome.succeeded) return putResult(outcome, options);
      this.#creates = !this.#creates;
    }
    return putResult(await this.write(key, text, {}, options, call, []), options);
  }

  async guardedPut(
    key: string,
    value: Uint8Array,
    guard: DriverGuard,
    options: DriverPutOptions,
    call: DriverCall,
  ): Promise<GuardedPutResult> {
    const outcome = await this.putIf(key, value, guard, options, call);
    return outcome.succeeded ? { succeeded: true, ...putResult(outcome, options) } : { succeeded: false };
  }

  async putIf(
    key: string,
    value: Uint8Array,
    guard: DriverGuard,
    options: DriverPutOptions,
    call: DriverCall,
  ): Promise<Outcome> {
    checkPutOptions(options);
    const text = toText(value);
    const expected = guard.kind === 'value' ? toText(guard.value) : undefined;
    if (options.ignoreValue) {
      return this.#decide(key, options, call, (file) => {
        // The guard holds, and there is nothing to keep.
        if (file === undefined && guard.kind === 'absent') throw nothingToKeep(key);
        return file !== undefined && holds(guard, file) ? { kind: 'write', value: file.value } : { kind: 'refuse' };
      });
    }
    if (guard.kind === 'absent') return this.write(key, text, { prevExist: 'false' }, options, call, [EXISTS]);
    // etcd refuses an empty `prevValue`, and an empty update may hit a directory. So read, then compare the index.
    if (expected === '' || (guard.kind === 'present' && text === '')) {
      return this.#decide(key, options, call, (file) =>
        file !== undefined && holds(guard, file) ? { kind: 'write', value: text } : { kind: 'refuse' },
      );
    }
    return this.write(key, text, native(guard), options, call, [
      NOT_THERE,
      COMPARE_FAILED,
      NOT_A_FILE,
      NOT_A_DIRECTORY,
    ]);
  }

  async delete(range: KeyRange, options: DriverDeleteOptions, call: DriverCall): Promise<DeleteResult> {
    const { key } = range;
    if (key === undefined) return this.#deleteDirectory(range, options, call);
    const outcome = await this.remove(key, {}, call);
    if (outcome.succeeded) return deleteResult(outcome, options);
    const { revision } = bookmarkOf(outcome.answer);
    return { revision, deleted: 0, ...(options.previous && { previous: [] }) };
  }

  async guardedDelete(
    key: string,
    guard: DriverGuard,
    options: DriverDeleteOptions,
    call: DriverCall,
  ): Promise<GuardedDeleteResult> {
    const outcome = await this.deleteIf(key, guard, call);
    return outcome.succeeded ? { succeeded: true, ...deleteResult(outcome, options) } : { succeeded: false };
  }

  async deleteIf(key: string, guard: DriverGuard, call: DriverCall): Promise<Outcome> {
    if (guard.kind === 'value' && toText(guard.value) === '') {
      return this.#decide(key, NO_OPTIONS, call, (file) =>
        file !== undefined && holds(guard, file) ? { kind: 'delete' } : { kind: 'refuse' },
      );
    }
    // Only an existing key can be deleted, so `present` needs no guard.
    return this.remove(key, guard.kind === 'present' ? {} : native(guard), call);
  }

  /** One PUT. `failures`: the codes that mean that the guard does not hold. */
  async write(
    key: string,
    value: string,
    guard: NativeGuard,
    { previous, ttl }: Pick<DriverPutOptions, 'previous' | 'ttl'>,
    { signal }: DriverCall,
    failures: readonly number[],
  ): Promise<Outcome> {
    const answer = await this.#connection.call({
      method: 'PUT',
      path: keyPath(key) + (previous ? '' : '?noValueOnSuccess=true'),
      form: { value, ...guard, ...(ttl !== undefined && { ttl: String(ttl) }) },
      kind: 'write',
      signal,
      expect: failures,
      parse: writeOf(key),
    });
    if (answer.refused !== undefined) return { succeeded: false, answer };
    return { succeeded: true, answer, previous: previous ? previousOf(answer.result) : undefined };
  }

  /** One DELETE of a key. A directory with that name is not the key. */
  async remove(key: string, guard: NativeGuard, { signal }: DriverCall): Promise<Outcome> {
    const query = new URLSearchParams({ ...guard }).toString();
    const answer = await this.#connection.call({
      method: 'DELETE',
      path: query === '' ? keyPath(key) : `${keyPath(key)}?${query}`,
      kind: 'write',
      signal,
      expect: [NOT_THERE, COMPARE_FAILED, NOT_A_FILE, NOT_A_DIRECTORY],
      parse: writeOf(key),
    });
    if (answer.refused !== undefined) return { succeeded: false, answer };
    return { succeeded: true, answer, previous: previousOf(answer.result) };
  }

  /**
   * Reads the key, decides, and writes if the key has not changed since (`prevIndex`). If it has, it reads again. This is atomic, because the
   * decision was made on exactly the content that is replaced.
   */
  async #decide(
    key: string,
    options: Pick<DriverPutOptions, 'previous' | 'ttl'>,
    call: DriverCall,
    decide: (file: V2File | undefined) => Decision,
  ): Promise<Outcome> {
    for (;;) {
      const { node, answer } = await readForWrite(this.#connection, key, call);
      const file = node !== undefined && isFile(node) ? node : undefined;
      const decision = decide(file);
      if (decision.kind === 'refuse') return { succeeded: false, answer };
      if (file === undefined && node !== undefined) throw isDirectory(key);
      const guard: NativeGuard =
        file === undefined ? { prevExist: 'false' } : { prevIndex: String(file.modifiedIndex) };
      const outcome =
        decision.kind === 'delete'
          ? await this.remove(key, guard, call)
          : await this.write(key, decision.value, guard, options, call, [NOT_THERE, COMPARE_FAILED, EXISTS]);
      if (outcome.succeeded) return outcome;
    }
  }

  /**
   * v2's only deletion of several keys. It also deletes hidden nodes below: no call lists them, so nobody can know them.
   */
  async #deleteDirectory(range: KeyRange, { previous }: DriverDeleteOptions, call: DriverCall): Promise<DeleteResult> {
    const directory = exactDirectory(range);
    if (directory === undefined) {
      throw unsupported(
        `etcd v2 can delete a key or an exact directory, such as { prefix: '/app/routes/' }, and not ${range.toString()}`,
      );
    }
    if (previous) throw unsupported('etcd v2 does not tell what was in a directory that is deleted; list it before');
    // A recursive delete of an entry would delete the entry itself, which is outside of the range.
    const { node, answer } = await readForWrite(this.#connection, directory, call);
    if (node === undefined || isFile(node)) return { revision: bookmarkOf(answer).revision, deleted: 0 };
    const deleted = await this.#connection.call({
      method: 'DELETE',
      path: `${keyPath(directory)}?dir=true&recursive=true`,
      kind: 'write',
      signal: call.signal,
      expect: [NOT_THERE],
      parse: writeOf(directory),
    });
    return { revision: bookmarkOf(deleted).revision, deleted: deleted.refused === undefined ? undefined : 0 };
  }
}

const NO_OPTIONS = { previous: true, ttl: undefined };

function previousOf({ prevNode }: Partial<V2Event>): KeyValue | undefined {
  return prevNode !== undefined && isFile(prevNode) ? toKeyValue(prevNode) : undefined;
}

function checkPutOptions({ ignoreLease, ttl }: DriverPutOptions): void {
  if (ttl !== undefined) checkTtl(ttl);
  if (ignoreLease) throw unsupported('etcd v2 has no leases to keep; give the ttl again, or refresh(key, ttl)');
}

function isDirectory(key: string): StoreError {
  return new StoreError('invalid-argument', `${quoted(key)} is a directory; an entry can't take its place`, {
    outcome: 'not-applied',
  });
}

function nothingToKeep(key: string): StoreError {
  return new StoreError('not-found', `there is no entry ${quoted(key)} whose value could be kept`, {
    outcome: 'not-applied',
  });
}

function unsupported(message: string): StoreError {
  return new StoreError('unsupported', message, { outcome: 'not-applied' });
}
