import type { Bookmark, StoreError } from '@holdfast/store';
import {
  channels,
  type MirrorAuditEvent,
  type MirrorFigures,
  type MirrorLoadEvent,
  type MirrorProblemEvent,
  type MirrorResyncEvent,
  type MirrorStateEvent,
  type MirrorStepEvent,
} from './channels.js';
import type { Problem } from './problem.js';
import type { MirrorState } from './state.js';
import { causeOf, isResync, type Step, type StepOrigin } from './step.js';

/** Publishes what happens to one mirror on the channels of all. Where nobody listens, it makes no object and reads no clock. */
export class Publisher {
  readonly #common: { readonly mirror: string; readonly store: string; readonly figures: MirrorFigures };

  /** @param figures are read later, and not before the mirror is made */
  constructor(mirror: string, store: string, figures: MirrorFigures) {
    this.#common = { mirror, store, figures };
  }

  /** Whether anyone wants to hear of steps, so that their time is taken. */
  get isStepHeard(): boolean {
    return channels.step.hasSubscribers;
  }

  /** The first load is over. */
  load(durationMs: () => number, error?: StoreError): void {
    if (!channels.load.hasSubscribers) return;
    const event: MirrorLoadEvent = {
      ...this.#common,
      durationMs: durationMs(),
      ...(error !== undefined && { code: error.code }),
    };
    channels.load.publish(event);
  }

  /**
   * A step is visible.
   *
   * @param tookMs since its batch came, or its read began
   */
  step(
    step: Step,
    origin: StepOrigin,
    from: Bookmark | undefined,
    to: Bookmark | undefined,
    tookMs: () => number,
  ): void {
    const { changed, invalid } = step;
    if (to === undefined) return;
    const { revision } = to;
    if (channels.step.hasSubscribers && (changed > 0 || invalid.length > 0)) {
      const event: MirrorStepEvent = {
        ...this.#common,
        cause: causeOf(origin),
        changed,
        problems: invalid.length,
        revision,
        lagMs: tookMs(),
      };
      channels.step.publish(event);
    }
    if (invalid.length > 0) this.problems(invalid);
    if (channels.resync.hasSubscribers && isResync(origin) && from !== undefined) {
      const event: MirrorResyncEvent = {
        ...this.#common,
        reason: origin,
        changed,
        from: from.revision,
        revision,
        durationMs: tookMs(),
      };
      channels.resync.publish(event);
    }
  }

  problems(problems: readonly Problem[]): void {
    if (!channels.problem.hasSubscribers) return;
    for (const { collection, key, revision } of problems) {
      const event: MirrorProblemEvent = {
        ...this.#common,
        ...(collection !== undefined && { collection }),
        ...(key !== undefined && { key }),
        revision,
      };
      channels.problem.publish(event);
    }
  }

  state(state: MirrorState, previous: MirrorState): void {
    if (!channels.state.hasSubscribers) return;
    const cause = state.status === 'closed' ? state.error : state.cause;
    const event: MirrorStateEvent = {
      ...this.#common,
      status: state.status,
      previous: previous.status,
      connection: state.connection,
      ...('reason' in state && { reason: state.reason }),
      ...(cause !== undefined && { code: cause.code }),
      ...(cause?.endpoint !== undefined && { endpoint: cause.endpoint }),
    };
    channels.state.publish(event);
  }

  audit(result: MirrorAuditEvent['result'], durationMs: () => number, error?: StoreError): void {
    if (!channels.audit.hasSubscribers) return;
    const event: MirrorAuditEvent = {
      ...this.#common,
      result,
      durationMs: durationMs(),
      ...(error !== undefined && { code: error.code }),
    };
    channels.audit.publish(event);
  }
}
