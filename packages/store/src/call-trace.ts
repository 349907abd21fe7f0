import { callChannels, type StoreCallEvent } from './channels.js';
import { monotonicMs, type Clock } from './clock.js';
import { isStoreError } from './errors.js';

/** What is known of a call when it begins. */
export interface CallStart {
  readonly store: string;
  readonly name: string;
  readonly endpoints: readonly string[];
  readonly clock: Clock;
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

/** The traced calls under way, by the signals that they hand to their drivers. */
const running = new WeakMap<AbortSignal, CallTrace>();

/** A call that somebody listens to. */
export class CallTrace {
  readonly event: Mutable<StoreCallEvent>;

  constructor({ store, name, endpoints }: CallStart) {
    this.event = { store, name, endpoints };
    const [only] = endpoints;
    if (only !== undefined && endpoints.length === 1) this.event.endpoint = only;
  }

  /** The call's driver gets this signal. A view's driver hands it on to the store below. */
  runsUnder(signal: AbortSignal): void {
    running.set(signal, this);
  }
}

/**
 * Tells which endpoint answered a call. An adapter that has several endpoints calls it with the call's signal. It costs next to nothing
 * where nobody listens to calls.
 */
export function noteEndpoint(signal: AbortSignal | undefined, endpoint: string): void {
  if (signal === undefined) return;
  const trace = running.get(signal);
  if (trace !== undefined) trace.event.endpoint = endpoint;
}

/**
 * The traced call that a call with this signal is a part of: one that a view makes on the store below. A store of another backend that
 * is asked on the way, such as a relay's, is told of too.
 */
export function outerTrace(signal: AbortSignal | undefined, store: string): CallTrace | undefined {
  const trace = signal === undefined ? undefined : running.get(signal);
  return trace?.event.store === store ? trace : undefined;
}

/**
 * Publishes a call, as `tracePromise` of a tracing channel does, but without its result and error: those may hold values. What
 * subscribers throw never comes here.
 */
export function traceCall<T>(call: CallStart, work: (trace: CallTrace) => Promise<T>): Promise<T> {
  const { start, end, error: failed, asyncStart, asyncEnd } = callChannels;
  const trace = new CallTrace(call);
  const { event } = trace;
  const began = monotonicMs(call.clock);
  const settle = (error?: unknown) => {
    event.durationMs = Math.max(0, monotonicMs(call.clock) - began);
    if (error !== undefined) {
      noteError(event, error);
      failed.publish(event);
    }
    asyncStart.publish(event);
    asyncEnd.publish(event);
  };
  return start.runStores(event, () => {
    const running = work(trace).then(
      (result) => {
        settle();
        return result;
      },
      (error: unknown) => {
        settle(error);
        throw error;
      },
    );
    end.publish(event);
    return running;
  });
}

function noteError(event: Mutable<StoreCallEvent>, error: unknown): void {
  if (!isStoreError(error)) {
    event.code = 'internal';
    return;
  }
  event.code = error.code;
  if (error.endpoint !== undefined) event.endpoint = error.endpoint;
  if (error.outcome !== undefined) event.outcome = error.outcome;
}
