import type { ReplicationState } from '@holdfast/core/replicate';
import type { Session } from '../session.js';
import { progressBar, type Progress } from '../terminal/progress.js';

/** Shows how far a copy has come, and says on standard error when a store does not answer. */
export class MovingStates {
  readonly #session: Session;
  readonly #progress: Progress;
  #isInterrupted = false;

  constructor(session: Session) {
    this.#session = session;
    this.#progress = progressBar(session.io, 'keys');
  }

  readonly state = (state: ReplicationState): void => {
    if (state.status === 'copying') {
      this.#progress.update(state.done, state.total);
      return;
    }
    this.#progress.stop();
    if (state.status === 'interrupted') {
      // Each attempt fails with much the same message.
      if (!this.#isInterrupted) this.#say(`The ${state.store} does not answer: ${state.cause.message}`, state);
      this.#isInterrupted = true;
    } else if (state.status === 'following' && this.#isInterrupted) {
      this.#isInterrupted = false;
      this.#say('Both stores answer again.', state);
    }
  };

  stop(): void {
    this.#progress.stop();
  }

  #say(text: string, state: ReplicationState): void {
    void this.#session.remark(text, { state });
  }
}
