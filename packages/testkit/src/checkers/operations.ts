import type { KeyValue, Op, OpResult } from '@holdfast/store';
import { KeyRange } from '@holdfast/store/adapter';
import { sameContent, show } from '../conformance/expect.js';
import type { Call, History, Operation } from '../history/history.js';
import { bytesOf, compareHolds, guardHolds } from './conditions.js';
import { States, type Timeline } from './timeline.js';
import { checkHistory, checkTimeline } from './check-arguments.js';
import type { Violation } from './violation.js';
import { keyOfEvent } from './watch-view.js';

/**
 * *Linearizable*: a single, sequential store could have given every answer, at a revision between the call's invocation and
 * its return. Every write that took effect has its own revision, so the order is known: each answer is compared with the state
 * at its revision.
 */
export function checkOperations(history: History, timeline: Timeline): Violation[] {
  checkHistory(history, 'checkOperations()');
  checkTimeline(timeline, 'checkOperations()');
  const model = new Model(history, timeline);
  return [
    ...model.writeOrder(),
    ...history.operations.flatMap((operation) => [
      ...model.reads(operation),
      ...model.writes(operation),
      ...model.unanswered(operation),
    ]),
  ].map((message) => ({ guarantee: 'linearizable', message }));
}

/** The revision that a write took, if it took one. */
function revisionOf({ call, outcome }: Operation): number | undefined {
  if (outcome?.status !== 'answered' || !('answer' in call) || call.answer === undefined) return undefined;
  switch (call.type) {
    case 'put':
      return 'succeeded' in call.answer && !call.answer.succeeded ? undefined : call.answer.revision;
    case 'delete':
      if ('succeeded' in call.answer && !call.answer.succeeded) return undefined;
      return call.answer.deleted === 0 ? undefined : call.answer.revision;
    case 'txn':
      return call.answer.results.some(writes) ? call.answer.revision : undefined;
    default:
      return undefined;
  }
}

function writes(result: OpResult): boolean {
  if (result.type === 'txn') return result.results.some(writes);
  return result.type === 'put' || (result.type === 'delete' && result.deleted !== 0);
}

class Model {
  readonly #states: States;
  readonly #timeline: Timeline;
  readonly #written: readonly { readonly operation: Operation; readonly revision: number }[];
  /** Events of revisions that no answered operation claims. */
  readonly #unclaimed = new Map<string, number>();

  constructor(history: History, timeline: Timeline) {
    this.#timeline = timeline;
    this.#states = new States(timeline);
    this.#written = history.operations.flatMap((operation) => {
      const revision = revisionOf(operation);
      return revision === undefined ? [] : [{ operation, revision }];
    });
    const claimed = new Set(this.#written.map(({ revision }) => revision));
    for (const { revision, events } of timeline.steps) {
      if (claimed.has(revision)) continue;
      for (const event of events) {
        if (event.type !== 'put') continue;
        const id = identity(event.current.key, event.current.value);
        this.#unclaimed.set(id, (this.#unclaimed.get(id) ?? 0) + 1);
      }
    }
  }

  /** Revisions are unique, and grow in real time. */
  writeOrder(): string[] {
    const byRevision = [...this.#written].sort((a, b) => a.revision - b.revision);
    return byRevision.flatMap(({ operation, revision }, index) => {
      const next = byRevision[index + 1];
      if (next === undefined) return [];
      if (next.revision === revision)
        return [`${nameOf(operation)} and ${nameOf(next.operation)} took revision ${revision} both`];
      // A write that returned before another was invoked has the lower revision.
      if (next.operation.returnedAt !== undefined && next.operation.returnedAt < operation.invokedAt) {
        return [
          `${nameOf(operation)} took revision ${revision}, below ${next.revision} of a write that had returned before`,
        ];
      }
      return [];
    });
  }

  /** Reads give the state of one revision, no older than the newest one acknowledged before them. */
  reads(operation: Operation): string[] {
    const { call, outcome } = operation;
    if (outcome?.status !== 'answered') return [];
    if (call.type === 'get') {
      if (call.options.consistency === 'serializable') return [];
      const at = call.options.revision;
      const seen = at === undefined ? this.#window(operation) : [at];
      const given = seen.filter((revision) => this.#states.covers(revision));
      if (given.length === 0 || given.some((revision) => sameEntry(this.#states.at(call.key, revision), call.answer)))
        return [];
      return [
        `${nameOf(operation)} gave ${show(call.answer)}, which it was not at any revision from ${seen[0] ?? 0} to ${seen.at(-1) ?? 0}`,
      ];
    }
    if (call.type !== 'list' || call.answer === undefined) return [];
    const { revision } = call.answer.bookmark;
    const [oldest = 0] = this.#window(operation);
    if (call.options.revision === undefined && call.options.consistency !== 'serializable' && revision < oldest) {
      return [`${nameOf(operation)} read revision ${revision}, though ${oldest} had been acknowledged before`];
    }
    return this.#states.covers(revision) ? this.#list(operation, call, revision) : [];
  }

  /** Writes did what their answers say, under the conditions that they name. */
  writes(operation: Operation): string[] {
    const { call, outcome } = operation;
    if (outcome?.status !== 'answered') return [];
    const revision = revisionOf(operation);
    if (revision !== undefined && !(this.#states.covers(revision) && this.#states.covers(revision - 1))) return [];
    const problems: string[] = [];
    if (call.type === 'put' || call.type === 'delete') {
      const key = call.type === 'put' ? call.key : KeyRange.from(call.range).key;
      if (key !== undefined) problems.push(...this.#guard(operation, call, key, revision));
    }
    if (call.type === 'put' && revision !== undefined)
      problems.push(...this.#effect(operation, call.key, call.value, revision));
    if (call.type === 'txn' && call.answer !== undefined) {
      const before = revision === undefined ? call.answer.revision : revision - 1;
      const held = (call.txn.if ?? []).every((compare) => compareHolds(compare, this.#states, before));
      if (this.#states.covers(before) && held !== call.answer.succeeded) {
        problems.push(
          `${nameOf(operation)} ran its ${call.answer.succeeded ? 'then' : 'else'} operations, though its compares ${held ? 'hold' : 'fail'} at ${before}`,
        );
      }
      for (const op of (call.answer.succeeded ? call.txn.then : call.txn.else) ?? []) {
        if (isPlainPut(op) && revision !== undefined)
          problems.push(...this.#effect(operation, op.key, op.value, revision));
      }
    }
    return problems;
  }

  /** Failed writes took effect at most once, and not at all if their error says so. Needs values that are written only once. */
  unanswered({ call, outcome, client }: Operation): string[] {
    if (call.type !== 'put' || outcome?.status === 'answered') return [];
    const times = this.#unclaimed.get(identity(call.key, bytesOf(call.value))) ?? 0;
    const what = `a put of ${call.key} by ${client} that failed`;
    if (outcome?.error.outcome === 'not-applied' && times > 0) return [`${what} as not applied took effect`];
    return times > 1 ? [`${what} took effect ${times} times`] : [];
  }

  /** The revisions that the call may have seen: from the newest one acknowledged before it to the last one begun before its return. */
  #window({ invokedAt, returnedAt = Infinity }: Operation): number[] {
    let oldest = this.#timeline.from;
    let newest = this.#timeline.to;
    for (const { operation, revision } of this.#written) {
      if (operation.returnedAt !== undefined && operation.returnedAt < invokedAt) oldest = Math.max(oldest, revision);
      if (operation.invokedAt > returnedAt) newest = Math.min(newest, revision - 1);
    }
    const steps = this.#timeline.steps
      .map(({ revision }) => revision)
      .filter((revision) => revision > oldest && revision <= newest);
    return [oldest, ...steps];
  }

  #list(operation: Operation, { range, options, answer }: Call & { type: 'list' }, revision: number): string[] {
    if (answer === undefined) return [];
    const keyRange = KeyRange.from(range);
    const there = this.#states.entriesAt(revision, (key) => keyRange.contains(key));
    const problems: string[] = [];
    if (answer.count - answer.undecodable.length !== there.length) {
      problems.push(
        `${nameOf(operation)} counted ${answer.count} keys at ${revision}, where there were ${there.length}`,
      );
    }
    const whole = options.limit === undefined && options.minModRevision === undefined && options.countOnly !== true;
    for (const entry of whole ? there : []) {
      const item = answer.items.find(({ key }) => key === entry.key);
      if (!sameEntry(entry, item, options.keysOnly === true)) {
        problems.push(`${nameOf(operation)} gave ${show(item)} at ${revision}, where there was ${show(entry)}`);
      }
    }
    return problems;
  }

  #guard(
    operation: Operation,
    call: Call & { type: 'put' | 'delete' },
    key: string,
    revision: number | undefined,
  ): string[] {
    const { answer } = call;
    if (answer === undefined || !('succeeded' in answer)) return [];
    const at = revision === undefined ? this.#window(operation) : [revision - 1];
    const fitting = at.some((each) => {
      const entry = this.#states.at(key, each);
      if (guardHolds(call.options, entry) !== answer.succeeded) return false;
      return answer.succeeded || answer.current === undefined || sameEntry(entry, answer.current);
    });
    return fitting
      ? []
      : [
          `${nameOf(operation)} ${answer.succeeded ? 'succeeded' : 'failed'}, which its guard did not allow at ${at.join(' or ')}`,
        ];
  }

  #effect(operation: Operation, key: string, value: string | Uint8Array, revision: number): string[] {
    const step = this.#timeline.steps.find((each) => each.revision === revision);
    const event = step?.events.find((each) => keyOfEvent(each) === key);
    if (event?.type === 'put' && Buffer.compare(event.current.value, bytesOf(value)) === 0) return [];
    return [
      `${nameOf(operation)} says that it put ${key} at ${revision}, where there is ${event === undefined ? 'nothing' : show(event)}`,
    ];
  }
}

function isPlainPut(op: Op): op is Op & { readonly type: 'put' } {
  return op.type === 'put' && op.ignoreValue !== true;
}

function sameEntry(expected: KeyValue | undefined, actual: KeyValue | undefined, keysOnly = false): boolean {
  if (expected === undefined || actual === undefined) return expected === actual;
  const { key, value, createRevision, modRevision } = expected;
  const same = sameContent([key, createRevision, modRevision], [actual.key, actual.createRevision, actual.modRevision]);
  return same && (keysOnly || sameContent(value, actual.value));
}

function identity(key: string, value: Uint8Array): string {
  return `${key}\0${Buffer.from(value).toString('base64')}`;
}

function nameOf({ call, client, invokedAt }: Operation): string {
  const about =
    'key' in call ? ` of ${call.key}` : 'range' in call ? ` of ${KeyRange.from(call.range).toString()}` : '';
  return `${call.type}${about} by ${client} (at ${invokedAt})`;
}
