import type { StoreError } from '@holdfast/store';
import type { MirrorConnection, StateMachine } from '../events/state.js';

/** The store did not answer, or something answered in its place. Any other error of a read is an answer. */
const UNANSWERED: readonly string[] = ['unavailable', 'timeout'];
/** These say nothing about the connection. */
const OF_NEITHER: readonly string[] = ['aborted', 'closed', 'internal'];

/**
 * Whether the store can be reached, as the mirror's own watch and reads show it (`state.connection`). The watch counts while there is
 * one; the reads count always, because a watch over a dead connection says nothing for a while. Failures are only noted here: the state
 * gets them together with their cause.
 */
export class Reachability {
  readonly #state: StateMachine;
  /** Why the watch has no connection, while it has none. */
  #watchLost: StoreError | undefined;
  /** Why the last read was not answered. */
  #unanswered: StoreError | undefined;

  constructor(state: StateMachine) {
    this.#state = state;
  }

  watchEstablished(): void {
    this.#watchLost = undefined;
    this.#unanswered = undefined;
    this.#tell();
  }

  watchInterrupted(cause: StoreError): void {
    this.#watchLost = cause;
  }

  /** The watch has ended with this error: most are answers of the store. */
  watchEnded(cause: StoreError): void {
    if (OF_NEITHER.includes(cause.code)) return;
    this.#watchLost = UNANSWERED.includes(cause.code) ? cause : undefined;
    if (this.#watchLost === undefined) this.#unanswered = undefined;
  }

  /** There is no watch any more, and everything is to be read again: only an answer shows a connection now. */
  unwatched(): void {
    this.#unanswered ??= this.#watchLost;
    this.#watchLost = undefined;
  }

  answered(): void {
    this.#unanswered = undefined;
    // A small load is one event: it is told when the load is in place.
    if (this.#state.current.status !== 'loading') this.#tell();
  }

  /** A part of a long load has come. */
  goesOn(): void {
    this.#unanswered = undefined;
    this.#tell();
  }

  failed(error: StoreError): void {
    if (!OF_NEITHER.includes(error.code)) this.#unanswered = UNANSWERED.includes(error.code) ? error : undefined;
  }

  get current(): MirrorConnection {
    return (this.#watchLost ?? this.#unanswered) === undefined ? 'connected' : 'interrupted';
  }

  #tell(): void {
    this.#state.handle({ type: 'connection', connection: this.current });
  }
}
