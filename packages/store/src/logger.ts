import { StoreError } from './errors.js';
import { handleRejection } from './thenable.js';

/** Where a library reports what it rides out. Any of console, pino and winston fits; nothing is printed without one. */
export interface Logger {
  debug(message: string, details?: Readonly<Record<string, unknown>>): void;
  info(message: string, details?: Readonly<Record<string, unknown>>): void;
  warn(message: string, details?: Readonly<Record<string, unknown>>): void;
  error(message: string, details?: Readonly<Record<string, unknown>>): void;
}

const nothing = () => undefined;

export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/**
 * The logger that a user gave, so that it can't disturb whoever logs: what it throws is dropped, a promise that it returns may
 * reject, and a level that it lacks is silent. Every option called `logger` goes through this once.
 *
 * @throws StoreError `invalid-argument` for what is no object
 */
export function safeLogger(given: Logger | undefined): Logger {
  if (given === undefined || given instanceof SafeLogger) return given ?? silentLogger;
  if ((typeof given !== 'object' && typeof given !== 'function') || (given as Logger | null) === null) {
    throw new StoreError(
      'invalid-argument',
      'logger must be an object with the methods debug, info, warn and error, such as console',
    );
  }
  return new SafeLogger(given);
}

type Level = keyof Logger;
type Details = Readonly<Record<string, unknown>>;

class SafeLogger implements Logger {
  readonly #given: Partial<Logger>;

  constructor(given: Logger) {
    this.#given = given;
  }

  debug(message: string, details?: Details): void {
    this.#log('debug', message, details);
  }

  info(message: string, details?: Details): void {
    this.#log('info', message, details);
  }

  warn(message: string, details?: Details): void {
    this.#log('warn', message, details);
  }

  error(message: string, details?: Details): void {
    this.#log('error', message, details);
  }

  #log(level: Level, message: string, details: Details | undefined): void {
    try {
      handleRejection(this.#given[level]?.(message, details));
    } catch {
      // There is nobody left to tell.
    }
  }
}
