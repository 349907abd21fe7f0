import { EventEmitter } from 'eventemitter3';
import type { Logger } from '@holdfast/store';
import { handleRejection, messageOf } from '@holdfast/store/adapter';

type Listener<Args extends readonly unknown[]> = (...args: Args) => unknown;
type Guarded = (...args: unknown[]) => void;

/**
 * Events whose listeners can't disturb one another (M10). eventemitter3 stops at the first listener that throws, so each one
 * is registered in a guard of its own.
 */
export class Events<Map extends { readonly [Name in keyof Map]: readonly unknown[] }> {
  readonly #emitter = new EventEmitter();
  readonly #guards = new WeakMap<object, Guarded>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  on<Name extends keyof Map & string>(name: Name, listener: Listener<Map[Name]>): void {
    this.#emitter.on(name, this.#guarded(listener));
  }

  once<Name extends keyof Map & string>(name: Name, listener: Listener<Map[Name]>): void {
    this.#emitter.once(name, this.#guarded(listener));
  }

  off<Name extends keyof Map & string>(name: Name, listener: Listener<Map[Name]>): void {
    const guarded = this.#guards.get(listener);
    if (guarded !== undefined) this.#emitter.off(name, guarded);
  }

  emit<Name extends keyof Map & string>(name: Name, ...args: Map[Name]): void {
    this.#emitter.emit(name, ...args);
  }

  count(name: keyof Map & string): number {
    return this.#emitter.listenerCount(name);
  }

  clear(): void {
    this.#emitter.removeAllListeners();
  }

  // One guard a listener, so that `off` finds it again.
  #guarded<Args extends readonly unknown[]>(listener: Listener<Args>): Guarded {
    let guarded = this.#guards.get(listener);
    if (guarded === undefined) {
      guarded = guardListener(this.#logger, listener) as unknown as Guarded;
      this.#guards.set(listener, guarded);
    }
    return guarded;
  }
}

/** The listener, with what it throws or rejects with sent to the logger instead. */
export function guardListener<Args extends readonly unknown[]>(
  logger: Logger,
  listener: (...args: Args) => unknown,
): (...args: Args) => void {
  if (typeof listener !== 'function') throw new TypeError('a listener must be a function');
  const report = (error: unknown) => {
    logger.error(`a listener failed: ${messageOf(error)}`, { error });
  };
  return (...args) => {
    try {
      // An async listener's rejection would otherwise end the process.
      handleRejection(listener(...args), report);
    } catch (error) {
      report(error);
    }
  };
}
