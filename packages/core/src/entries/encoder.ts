import { StoreError } from '@holdfast/store';
import {
  abortable,
  handleRejection,
  isThenable,
  messageOf,
  refusedLocally,
  toValueBytes,
} from '@holdfast/store/adapter';
import type { Codec } from '../values/codec.js';
import type { StandardSchemaResult, StandardSchemaV1 } from '../values/standard-schema.js';
import { describeIssues, nameOfCodec } from './describe.js';

/**
 * The way of a value into the store: checked by its schema, made bytes by its codec, and read back as mirrors will read it. What a mirror
 * would not show is refused, and so is never sent.
 */
export class Encoder {
  readonly #codec: Codec<unknown>;
  readonly #codecName: string;
  readonly #schema: StandardSchemaV1 | undefined;

  constructor(codec: Codec<unknown>, schema: StandardSchemaV1 | undefined) {
    this.#codec = codec;
    this.#codecName = nameOfCodec(codec);
    this.#schema = schema;
  }

  /**
   * @param what the value, for messages: `the value of "/routes/a"`
   * @param signal ends the wait for an asynchronous schema
   * @throws StoreError `invalid-argument`, with the schema's issues or what was thrown as its cause; `unsupported` where the codec can't
   * write; the signal's reason
   */
  async encode(value: unknown, what: string, signal?: AbortSignal): Promise<Uint8Array> {
    // At once: the caller may change the value while its schema is asked.
    const bytes = this.#toBytes(value, what);
    await this.#check(value, what, signal);
    let stored: unknown;
    try {
      stored = this.#codec.decode(bytes.slice());
    } catch (error) {
      throw refused(`${what} can't be read again as ${this.#codecName}: ${messageOf(error)}`, error);
    }
    if (isThenable(stored)) {
      handleRejection(stored);
      throw refused(`the codec of ${what} (${this.#codecName}) is asynchronous, which a mirror cannot wait for`);
    }
    await this.#check(stored, `${what}, as it would be stored,`, signal);
    return bytes;
  }

  #toBytes(value: unknown, what: string): Uint8Array {
    const codec = this.#codec;
    if (typeof codec.encode !== 'function') {
      const message = `the codec of ${what} (${this.#codecName}) has no encode(value): it only reads; give it one, or write through the store`;
      throw refusedLocally(new StoreError('unsupported', message, { outcome: 'not-applied' }));
    }
    let encoded: unknown;
    try {
      encoded = codec.encode(value);
    } catch (error) {
      throw refused(`${what} can't be written as ${this.#codecName}: ${messageOf(error)}`, error);
    }
    if (isThenable(encoded)) {
      handleRejection(encoded);
      throw refused(`encode() of the codec of ${what} (${this.#codecName}) gave a promise; it must be synchronous`);
    }
    try {
      // Bytes may be the caller's own.
      return toValueBytes(encoded, `what the codec of ${what} (${this.#codecName}) gave`).slice();
    } catch (error) {
      throw refused(messageOf(error), error);
    }
  }

  async #check(value: unknown, what: string, signal: AbortSignal | undefined): Promise<void> {
    if (this.#schema === undefined) return;
    let result: StandardSchemaResult<unknown>;
    try {
      const answer = this.#schema['~standard'].validate(value);
      result = isThenable(answer) ? await abortable(Promise.resolve(answer), signal) : answer;
    } catch (error) {
      if (signal?.aborted === true) throw error;
      throw refused(`the schema of ${what} threw: ${messageOf(error)}`, error);
    }
    if (result.issues === undefined) return;
    throw refused(`${what} fails its schema: ${describeIssues(result.issues)}`, result.issues);
  }
}

function refused(message: string, cause?: unknown): StoreError {
  return refusedLocally(new StoreError('invalid-argument', message, { outcome: 'not-applied', cause }));
}
