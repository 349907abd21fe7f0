import { StoreError } from './errors.js';
import { excerpt } from './excerpt.js';
import { logDetails } from './log-details.js';
import { handleRejection, isThenable } from './thenable.js';

/**
 * Where a library reports what goes wrong, and what it does about it. `console` and winston fit as they are. pino takes the details
 * first: wherever an option is called `logger`, pino itself, its children and Fastify's `log` are recognised, and `fromPino()`
 * adapts a logger that only behaves like pino. Without a logger, nothing is printed.
 */
export interface Logger {
  debug(message: string, details?: Readonly<Record<string, unknown>>): void;
  info(message: string, details?: Readonly<Record<string, unknown>>): void;
  warn(message: string, details?: Readonly<Record<string, unknown>>): void;
  error(message: string, details?: Readonly<Record<string, unknown>>): void;
}

/** The methods of pino that {@link fromPino} calls: the details come first, and an error among them is called `err`. */
export interface PinoLogger {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

type Level = keyof Logger;
type Details = Readonly<Record<string, unknown>>;

const nothing = () => undefined;

export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/**
 * A {@link Logger} of one that takes its details first, as pino does, but is not pino itself: a class around pino, or bunyan.
 *
 * @throws StoreError `invalid-argument` if it has not the methods of pino
 */
export function fromPino(logger: PinoLogger): Logger {
  for (const level of ['debug', 'info', 'warn', 'error'] as const) {
    if (typeof (logger as PinoLogger | null | undefined)?.[level] === 'function') continue;
    throw new StoreError(
      'invalid-argument',
      `fromPino() takes a logger such as pino(), and this one has no ${level}()`,
    );
  }
  return new SafeLogger(logger, 'details first');
}

/**
 * The logger that a user gave, in the order of arguments that it takes. It can't disturb whoever logs: what it throws is dropped,
 * a promise that it returns may reject, and a level that it lacks is silent. Every option called `logger` goes through this once.
 *
 * @throws StoreError `invalid-argument` for what is no object
 */
export function safeLogger(given: Logger | PinoLogger | undefined): Logger {
  if (given === undefined || given === silentLogger) return silentLogger;
  if (given instanceof SafeLogger) return given;
  if ((typeof given !== 'object' && typeof given !== 'function') || (given as unknown) === null || isThenable(given)) {
    throw new StoreError(
      'invalid-argument',
      'logger must be an object with the methods debug, info, warn and error, such as console, winston or pino',
    );
  }
  return new SafeLogger(given, isPino(given) ? 'details first' : 'message first');
}

// pino's own mark for the serializers of a logger, which its children inherit. It does not depend on the version of pino.
const PINO = Symbol.for('pino.serializers');

function isPino(logger: object): boolean {
  try {
    return PINO in logger;
  } catch {
    return false;
  }
}

const LONGEST_MESSAGE = 2_000;
// console and winston's `splat` would put the details there.
const PLACEHOLDER = /%(?=[a-zA-Z])/g;

class SafeLogger implements Logger {
  readonly #given: object;
  readonly #order: 'message first' | 'details first';

  constructor(given: object, order: 'message first' | 'details first') {
    this.#given = given;
    this.#order = order;
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

  #log(level: Level, message: string, details: Details = {}): void {
    try {
      const text = excerpt(message, LONGEST_MESSAGE);
      const shown = logDetails(details);
      handleRejection(
        this.#order === 'details first'
          ? this.#detailsFirst(level, text, shown)
          : this.#messageFirst(level, text, shown),
      );
    } catch {
      // There is nobody left to tell.
    }
  }

  #messageFirst(level: Level, text: string, details: Details): unknown {
    const given = this.#given as Partial<Logger>;
    const message = text.replace(PLACEHOLDER, '\\u{25}');
    return Object.keys(details).length === 0 ? given[level]?.(message) : given[level]?.(message, details);
  }

  #detailsFirst(level: Level, text: string, { error, ...details }: Details): unknown {
    // pino's serializers know an error as `err`.
    return (this.#given as Partial<PinoLogger>)[level]?.(
      error === undefined ? details : { ...details, err: error },
      text,
    );
  }
}
