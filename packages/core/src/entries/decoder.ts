import { handleRejection, isThenable, messageOf } from '@holdfast/store/adapter';
import type { Codec } from '../values/codec.js';
import { describeIssues, nameOfCodec } from './describe.js';
import { type EntryMeta, type Revisions, toMeta } from './entry.js';
import { rawBytes, type RawValue } from '../values/raw-value.js';
import type { StandardSchemaV1 } from '../values/standard-schema.js';

/** What came of a value: either something to show, or why it can't be shown. */
export type Decoded = { readonly ok: true; readonly value: unknown } | Failure;

export interface Failure {
  readonly ok: false;
  readonly reason: string;
  /** What was thrown, or the schema's issues. */
  readonly cause: unknown;
}

export type Transform = (value: never, meta: EntryMeta) => unknown;

/**
 * The way of a value: codec, then schema, then transform. It never throws, whatever they throw, and a promise of theirs is a
 * failure: what is shown is there at the revision that it is of, not later.
 */
export class Decoder {
  readonly #codec: Codec<unknown>;
  readonly #codecName: string;
  readonly #schema: StandardSchemaV1 | undefined;
  readonly #transform: ((value: unknown, meta: EntryMeta) => unknown) | undefined;

  constructor(codec: Codec<unknown>, schema: StandardSchemaV1 | undefined, transform: Transform | undefined) {
    this.#codec = codec;
    this.#codecName = nameOfCodec(codec);
    this.#schema = schema;
    this.#transform = transform as ((value: unknown, meta: EntryMeta) => unknown) | undefined;
  }

  decode(raw: RawValue, key: string, revisions: Revisions): Decoded {
    let value: unknown;
    try {
      value =
        typeof raw === 'string' && this.#codec.decodeText !== undefined
          ? this.#codec.decodeText(raw)
          : this.#codec.decode(rawBytes(raw));
    } catch (error) {
      return { ok: false, reason: `not readable as ${this.#codecName}: ${messageOf(error)}`, cause: error };
    }
    if (isThenable(value)) return asynchronous(`codec (${this.#codecName})`, value);
    try {
      if (this.#schema !== undefined) {
        const result = this.#schema['~standard'].validate(value);
        // Found when the mirror is made, where possible.
        if (isThenable(result)) return asynchronous('schema', result);
        if (result.issues !== undefined) {
          return { ok: false, reason: `fails its schema: ${describeIssues(result.issues)}`, cause: result.issues };
        }
        value = result.value;
        if (isThenable(value)) return asynchronous('schema', value);
      }
    } catch (error) {
      return { ok: false, reason: `its schema threw: ${messageOf(error)}`, cause: error };
    }
    if (this.#transform === undefined) return { ok: true, value };
    try {
      value = this.#transform(value, toMeta(key, revisions));
    } catch (error) {
      return { ok: false, reason: `its transform threw: ${messageOf(error)}`, cause: error };
    }
    return isThenable(value) ? asynchronous('transform', value) : { ok: true, value };
  }
}

/** A promise in place of a value. Nobody waits for it, and its rejection must not end the process. */
function asynchronous(what: string, promise: PromiseLike<unknown>): Failure {
  handleRejection(promise);
  return {
    ok: false,
    reason: `its ${what} is asynchronous: it gave a promise, which a mirror cannot wait for`,
    cause: undefined,
  };
}

/** Whether a schema answers with a promise, as far as one call can tell: some only do so for valid input. */
export function isAsyncSchema(schema: StandardSchemaV1): boolean {
  try {
    const result = schema['~standard'].validate(undefined);
    if (!isThenable(result)) return false;
    handleRejection(result);
    return true;
  } catch {
    return false;
  }
}
