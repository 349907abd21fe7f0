import { ErrorCode, type OpenFeatureEventEmitter, ProviderEvents } from '@openfeature/server-sdk';
import type { ChangeEvent, Change, Mirror, MirrorState } from '@holdfast/core';
import type { Flag } from './flag.js';

type Status = 'ready' | 'stale' | 'error';

/** Tells the events of a mirror as events of a provider, each change of the status once. */
export class Announcer {
  readonly #events: OpenFeatureEventEmitter;
  readonly #mirror: Mirror<Flag>;
  #announced: Status = 'ready';

  constructor(events: OpenFeatureEventEmitter, mirror: Mirror<Flag>) {
    this.#events = events;
    this.#mirror = mirror;
    mirror.on('change', this.#onChange).on('state', this.#onState);
  }

  /** Tells where the mirror stands, if it is not what was told last. The SDK itself tells that a provider is ready once it has initialized. */
  announce(): void {
    this.#onState(this.#mirror.state);
  }

  end(): void {
    this.#mirror.off('change', this.#onChange).off('state', this.#onState);
  }

  readonly #onChange = ({ changes }: ChangeEvent<Change<Flag>>): void => {
    this.#events.emit(ProviderEvents.ConfigurationChanged, { flagsChanged: changes.map(({ key }) => key) });
  };

  readonly #onState = (state: MirrorState): void => {
    const status = statusOf(state);
    if (status === this.#announced) return;
    this.#announced = status;
    if (status === 'ready') this.#events.emit(ProviderEvents.Ready);
    else if (status === 'stale') this.#events.emit(ProviderEvents.Stale, { message: messageOf(state) });
    else this.#events.emit(ProviderEvents.Error, { message: messageOf(state), errorCode: ErrorCode.GENERAL });
  };
}

function statusOf({ status }: MirrorState): Status {
  if (status === 'closed') return 'error';
  return status === 'live' ? 'ready' : 'stale';
}

function messageOf(state: MirrorState): string {
  if (state.status === 'closed') return `the mirror of the flags is closed${colon(state.error?.message)}`;
  const reason = 'reason' in state ? ` (${state.reason})` : '';
  return `the flags may be out of date: the mirror is ${state.status}${reason}${colon(state.cause?.message)}`;
}

function colon(text: string | undefined): string {
  return text === undefined ? '' : `: ${text}`;
}
