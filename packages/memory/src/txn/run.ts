import type { Bookmark, OpResult, TxnResult } from '@holdfast/store';
import type { DriverDeleteOptions, DriverListOptions, DriverPutOptions } from '@holdfast/store/adapter';
import { copyBytes, keyToByteString, toInterval } from '../data/byte-string.js';
import { type Entries, asRevision } from '../entries/entries.js';
import type { Version } from '../data/key-history.js';
import type { Mvcc, Writer } from '../data/mvcc.js';
import { type Selection, select } from '../reads/reads.js';
import type { Plan } from './plan.js';

type Step = Plan['steps'][number];

/** The outcome of one step. Results are made of it at the end, when the transaction's revision is known. */
type Outcome =
  | { readonly type: 'put'; readonly options: DriverPutOptions; readonly replaced: Version | undefined }
  | { readonly type: 'delete'; readonly options: DriverDeleteOptions; readonly deleted: readonly Version[] }
  | { readonly type: 'get'; readonly found: Version | undefined }
  | {
      readonly type: 'list';
      readonly options: DriverListOptions;
      readonly selection: Selection;
      /** How many of the transaction's own changes it saw. */
      readonly saw: number;
    }
  | { readonly type: 'txn'; readonly plan: Plan; readonly outcomes: readonly Outcome[] };

/** Runs a checked plan. Reads see the writes of the steps before them. */
export function runPlan(mvcc: Mvcc, writer: Writer, taken: Plan): readonly Outcome[] {
  return taken.steps.map((step) => runStep(mvcc, writer, step));
}

function runStep(mvcc: Mvcc, writer: Writer, step: Step): Outcome {
  switch (step.type) {
    case 'put': {
      const { options } = step;
      return { type: 'put', options, replaced: applyPut(mvcc, writer, step.key, step.value, options) };
    }
    case 'delete':
      return { type: 'delete', options: step.options, deleted: writer.deleteAll(toInterval(step.range)) };
    case 'get':
      return { type: 'get', found: mvcc.get(keyToByteString(step.key)) };
    case 'list': {
      const selection = select(mvcc, toInterval(step.range), step.options);
      return { type: 'list', options: step.options, selection, saw: writer.changed() };
    }
    case 'txn':
      return { type: 'txn', plan: step.plan, outcomes: runPlan(mvcc, writer, step.plan) };
    default:
      return step satisfies never;
  }
}

/** Writes a key. The options were checked. Copies the value, and returns the version that it replaced. */
export function applyPut(
  mvcc: Mvcc,
  writer: Writer,
  name: string,
  value: Uint8Array,
  { lease, ignoreLease, ignoreValue }: DriverPutOptions,
): Version | undefined {
  const key = keyToByteString(name);
  const before = ignoreValue || ignoreLease ? mvcc.get(key) : undefined;
  const kept = ignoreValue && before !== undefined ? before.value : copyBytes(value);
  return writer.put(key, kept, ignoreLease ? before?.lease : lease).replaced;
}

/** Makes the results of a finished transaction. */
export class TxnReport {
  readonly #entries: Entries;
  readonly #identity: string;
  readonly #begin: number;
  readonly #end: number;
  readonly #changes: number;

  constructor(entries: Entries, identity: string, span: { begin: number; end: number; changes: number }) {
    this.#entries = entries;
    this.#identity = identity;
    this.#begin = span.begin;
    this.#end = span.end;
    this.#changes = span.changes;
  }

  txn(taken: Plan, outcomes: readonly Outcome[]): TxnResult {
    return {
      succeeded: taken.succeeded,
      revision: asRevision(this.#end),
      results: outcomes.map((outcome) => this.#op(outcome)),
    };
  }

  #op(outcome: Outcome): OpResult {
    const revision = asRevision(this.#end);
    switch (outcome.type) {
      case 'put': {
        const previous = outcome.options.previous ? this.#entry(outcome.replaced) : undefined;
        return previous === undefined ? { type: 'put', revision } : { type: 'put', revision, previous };
      }
      case 'delete': {
        const result = { type: 'delete', revision, deleted: outcome.deleted.length } as const;
        return outcome.options.previous ? { ...result, previous: this.#entries.split(outcome.deleted).items } : result;
      }
      case 'get':
        return { type: 'get', item: this.#entry(outcome.found) };
      case 'list': {
        const { versions, count, more } = outcome.selection;
        const found = this.#entries.split(versions, outcome.options.keysOnly);
        return { type: 'list', ...found, count, more, bookmark: this.#bookmark(outcome) };
      }
      case 'txn':
        return { type: 'txn', ...this.txn(outcome.plan, outcome.outcomes) };
      default:
        return outcome satisfies never;
    }
  }

  #entry(version: Version | undefined) {
    return version === undefined ? undefined : this.#entries.keyValue(version);
  }

  /**
   * A list in the middle of a transaction saw only a part of the transaction's revision. Its bookmark is the revision before: a
   * watch from there repeats that part, and loses nothing.
   */
  #bookmark({ options, saw }: Extract<Outcome, { type: 'list' }>): Bookmark {
    const seen = saw === this.#changes ? this.#end : this.#begin;
    return { revision: options.revision ?? asRevision(seen), identity: this.#identity };
  }
}
