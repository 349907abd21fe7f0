import { setMaxListeners } from 'node:events';
import { inThisTurn } from './real-timers.js';

type AbortListener = () => void;

/** All listeners of one signal, under one registration. */
class AbortListeners {
  readonly #signal: AbortSignal;
  readonly #listeners = new Set<AbortListener>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', this.#call, { once: true });
  }

  add(listener: AbortListener): void {
    this.#listeners.add(listener);
  }

  /** With the last listener the registration goes too: a signal may outlive a store by far. */
  delete(listener: AbortListener): void {
    if (!this.#listeners.delete(listener) || this.#listeners.size > 0) return;
    listenersOf.delete(this.#signal);
    this.#signal.removeEventListener('abort', this.#call);
  }

  readonly #call = (): void => {
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        // As an event target does: the other listeners are called all the same.
        inThisTurn(() => {
          throw error;
        });
      }
    }
    listenersOf.delete(this.#signal);
  };
}

const listenersOf = new WeakMap<AbortSignal, AbortListeners>();

/**
 * Calls `listener` once when the signal aborts; never, if it has aborted already. A signal ends any number of calls and watches, and
 * Node warns of a leak at the eleventh listener of one signal: so all of ours share one registration.
 */
export function addAbortListener(signal: AbortSignal | undefined, listener: () => void): void {
  if (signal === undefined || signal.aborted) return;
  let listeners = listenersOf.get(signal);
  if (listeners === undefined) {
    listeners = new AbortListeners(signal);
    listenersOf.set(signal, listeners);
  }
  listeners.add(listener);
}

/** The same, and at once if the signal has aborted already. */
export function whenAborted(signal: AbortSignal | undefined, listener: () => void): void {
  if (signal?.aborted === true) listener();
  else addAbortListener(signal, listener);
}

/** Takes a listener of {@link addAbortListener} or {@link whenAborted} back. */
export function removeAbortListener(signal: AbortSignal | undefined, listener: () => void): void {
  if (signal !== undefined) listenersOf.get(signal)?.delete(listener);
}

/** Lets others listen to this signal as often as they like. Node would warn of a leak at the eleventh listener. */
export function allowManyListeners(signal: AbortSignal): void {
  try {
    setMaxListeners(0, signal);
  } catch {
    // Another environment's signal, such as one of jsdom, has no limit.
  }
}
