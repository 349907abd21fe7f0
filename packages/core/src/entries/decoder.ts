import type { Codec } from '../values/codec.js';
import { type EntryMeta, type Revisions, toMeta } from './entry.js';
import { rawBytes, type RawValue } from '../values/raw-value.js';
import type { StandardSchemaIssue, StandardSchemaResult, StandardSchemaV1 } from '../values/standard-schema.js';

/** What came of a value: either something to show, or why it can't be shown. */
export type Decoded = { readonly ok: true; readonly value: unknown } | Failure;

export interface Failure {
  readonly ok: false;
  readonly reason: string;
  /** What was thrown, or the schema's issues. */
  readonly cause: unknown;
}

export type Transform = (value: never, meta: EntryMeta) => unknown;

/** The way of a value: codec, then schema, then transform. It never throws. */
export class Decoder {
  readonly #codec: Codec<unknown>;
  readonly #schema: StandardSchemaV1 | undefined;
  readonly #transform: ((value: unknown, meta: EntryMeta) => unknown) | undefined;

  constructor(codec: Codec<unknown>, schema: StandardSchemaV1 | undefined, transform: Transform | undefined) {
    this.#codec = codec;
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
      return { ok: false, reason: `not readable as ${this.#codec.name}: ${messageOf(error)}`, cause: error };
    }
    try {
      if (this.#schema !== undefined) {
        const result = this.#schema['~standard'].validate(value);
        if (isPromise(result)) {
          // It would be shown before it was checked, or later than its revision. Found at creation where possible.
          result.then(undefined, () => undefined);
          return { ok: false, reason: 'its schema is asynchronous, which a mirror cannot wait for', cause: undefined };
        }
        if (result.issues !== undefined) {
          return { ok: false, reason: `fails its schema: ${describeIssues(result.issues)}`, cause: result.issues };
        }
        value = result.value;
      }
    } catch (error) {
      return { ok: false, reason: `its schema threw: ${messageOf(error)}`, cause: error };
    }
    if (this.#transform === undefined) return { ok: true, value };
    try {
      return { ok: true, value: this.#transform(value, toMeta(key, revisions)) };
    } catch (error) {
      return { ok: false, reason: `its transform threw: ${messageOf(error)}`, cause: error };
    }
  }
}

/** Whether a schema answers with a promise, as far as one call can tell: some only do so for valid input. */
export function isAsyncSchema(schema: StandardSchemaV1): boolean {
  try {
    const result = schema['~standard'].validate(undefined);
    if (!isPromise(result)) return false;
    result.then(undefined, () => undefined);
    return true;
  } catch {
    return false;
  }
}

function isPromise(
  result: StandardSchemaResult<unknown> | Promise<StandardSchemaResult<unknown>>,
): result is Promise<StandardSchemaResult<unknown>> {
  return 'then' in result && typeof result.then === 'function';
}

const SHOWN_ISSUES = 3;

function describeIssues(issues: readonly StandardSchemaIssue[]): string {
  const shown = issues.slice(0, SHOWN_ISSUES).map(({ message, path }) => {
    const at = (path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
    return at === '' ? message : `${at}: ${message}`;
  });
  if (issues.length > SHOWN_ISSUES) shown.push(`and ${issues.length - SHOWN_ISSUES} more`);
  return shown.join('; ');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
