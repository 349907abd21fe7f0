import type { Audience } from './audience.js';
import type { Follower } from '../checks/follower.js';
import type { HostOptions } from '../mirrors/host-options.js';
import type { Observer } from '../checks/observer.js';
import type { SimEvent, SimOptions } from '../mirrors/opened-mirror.js';

/** The beginning of errors that the application's listeners throw on purpose. */
export const THROWN_ON_PURPOSE = 'a listener that';

export interface ListenersOptions {
  readonly host: HostOptions;
  readonly observer: Observer;
  readonly audience: Audience;
  /** Closes the mirror. */
  readonly close: () => Promise<void>;
}

/** The callbacks of a mirror's application. Each one checks the mirror, and may throw or close the mirror. */
export class Listeners {
  readonly #options: ListenersOptions;
  #toldVersion = 0;
  #closes = false;

  constructor(options: ListenersOptions) {
    this.#options = options;
  }

  /** Whether a listener closes the mirror on the next change. */
  set closesMirror(closes: boolean) {
    this.#closes = closes;
  }

  /** The listeners for a mirror that is about to be opened. */
  forNewMirror(): Pick<SimOptions, 'onChange' | 'onValidate' | 'onState' | 'onInvalid'> {
    const { host, observer, audience } = this.#options;
    const { name, plan, trace } = host;
    const listener = audience.newListener();
    this.#toldVersion = 0;
    return {
      onChange: (event) => {
        this.#told(event, listener);
      },
      onValidate: () => {
        if (plan.decode !== 'lazy') observer.look('while decoding');
      },
      onState: (state, previous) => {
        trace?.(
          `${name} ${previous.status} -> ${state.status} ${'reason' in state ? state.reason : ''} ${'cause' in state ? (state.cause?.message ?? '') : ''}`,
        );
        this.#throwNowAndThen('throws');
      },
      onInvalid: async () => {
        this.#throwNowAndThen('rejects');
      },
    };
  }

  #told(event: SimEvent, listener: Follower): void {
    const { host, observer, audience } = this.#options;
    const { name, plan, trace, violated } = host;
    trace?.(`${name} ${event.cause} -> ${event.bookmark.revision}: ${event.changes.length} changes`);
    if (event.version <= this.#toldVersion) violated('version', `${name} told version ${event.version} twice`);
    this.#toldVersion = event.version;
    observer.look('in its listener');
    listener.take(event);
    const shown = observer.opened?.shown();
    if (plan.decode !== 'lazy' && shown !== undefined) audience.check(listener, shown);
    this.#closeMirror();
    this.#throwNowAndThen('throws');
  }

  #closeMirror(): void {
    const { host, observer, close } = this.#options;
    if (!this.#closes || observer.opened === undefined) return;
    this.#closes = false;
    host.count('mirror closed by its listener');
    void close();
  }

  #throwNowAndThen(how: 'throws' | 'rejects'): void {
    const { plan, count } = this.#options.host;
    if (plan.listeners !== 'throwing') return;
    count(`listener ${how}`);
    throw new Error(`${THROWN_ON_PURPOSE} ${how}`);
  }
}
