import type { DriverWatch, DriverWatchOptions, KeyRange, WatchSink } from '@holdfast/store/adapter';
import type { Connection } from '../connection/connection.js';
import { Permits } from './poll-lanes.js';
import { WatchSession, type WatchSessionOptions } from './session.js';

export type WatchManagerOptions = Omit<WatchSessionOptions, 'permits'>;

/**
 * How many extra polls all watches of a store may make while they catch up. etcd checks a user's password on every request (bcrypt,
 * tens of milliseconds of its CPU), so with a user there are few.
 */
const EXTRA_POLLS = { anonymous: 64, authenticated: 4 };

/** The watches of one store. */
export class WatchManager {
  readonly #connection: Connection;
  readonly #options: WatchManagerOptions;
  readonly #permits: Permits;

  constructor(connection: Connection, options: WatchManagerOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#permits = new Permits(EXTRA_POLLS[connection.authenticated ? 'authenticated' : 'anonymous']);
  }

  watch(range: KeyRange, options: DriverWatchOptions, sink: WatchSink): DriverWatch {
    return new WatchSession(this.#connection, range, options, sink, { ...this.#options, permits: this.#permits });
  }
}
