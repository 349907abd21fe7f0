import { StoreError } from '@holdfast/store';
import { toStoreError } from '@holdfast/store/adapter';
import type { Connection } from '../connection/connection.js';
import type { Endpoint } from '../connection/endpoint.js';
import type { HistoryPoint } from '../connection/history-point.js';
import { toAnswerError } from '../errors.js';
import { parsePolled } from '../json/answer.js';
import { BadAnswer } from '../json/bad-answer.js';
import { keyOf, type Located } from '../json/key-path.js';
import type { LaneHandlers } from './poll-lanes.js';

/** The number of empty answers in a row that are tolerated. */
const MOST_EMPTY = 3;

/**
 * The long polls of one watch at one endpoint, as its lanes want them: answers are parsed and checked, polls that ended empty are made
 * again, and a refused user is renewed.
 */
export class LanePolls {
  readonly #connection: Connection;
  readonly #endpoint: Endpoint;
  readonly #located: Located;
  /** The key or directory that is polled. */
  readonly #polled: string;

  constructor(connection: Connection, endpoint: Endpoint, located: Located) {
    this.#connection = connection;
    this.#endpoint = endpoint;
    this.#located = located;
    this.#polled = keyOf(located.path);
  }

  /**
   * Asks for the first event at or past `from`.
   *
   * @param onWaiting the server has taken the poll; what it throws fails the poll
   * @param empty how many empty answers in a row came before
   */
  start(from: number, lane: LaneHandlers, onWaiting: (point: HistoryPoint) => void, empty = 0): { abort(): void } {
    const endpoint = this.#endpoint;
    const { recursive } = this.#located;
    let failed = false;
    const fail = (error: StoreError): void => {
      failed = true;
      poll.abort();
      lane.onFail(error);
    };
    let current = { abort: (): void => undefined };
    const poll = {
      abort: (): void => {
        current.abort();
      },
    };
    current = this.#connection.poll(
      endpoint,
      { ...this.#located, from },
      {
        onWaiting: (point) => {
          try {
            onWaiting(point);
            lane.onWaiting();
          } catch (error) {
            fail(toStoreError(error));
          }
        },
        onAnswer: ({ index: head }, body) => {
          if (failed) return;
          if (body === '') {
            // The server ended the poll without an event: it is stopping, or has just started.
            if (empty + 1 >= MOST_EMPTY) lane.onFail(emptyAnswers(endpoint));
            else current = this.start(from, lane, onWaiting, empty + 1);
            return;
          }
          try {
            const { event, index } = parsePolled(body, { path: this.#polled, recursive }, from);
            lane.onEvent({ event, index, head: head ?? index });
          } catch (error) {
            const { name } = endpoint;
            const isBad = error instanceof BadAnswer;
            lane.onFail(
              isBad ? toAnswerError(error, { status: 200, body, from: 'other' }, 'read', name) : toStoreError(error),
            );
          }
        },
        onFail: (error, header) => {
          if (failed) return;
          if (error.code === 'unauthenticated') void this.#refused(error, header, lane);
          else lane.onFail(error);
        },
      },
    );
    return poll;
  }

  /**
   * The server took the poll's user no longer: with another one the watch goes on, without one it ends, and while nobody can
   * tell it waits.
   */
  async #refused(error: StoreError, header: string | undefined, lane: LaneHandlers): Promise<void> {
    const passed = () => new StoreError('unavailable', error.message, { cause: error, endpoint: error.endpoint });
    const outcome = await this.#connection
      .renewCredentials(header)
      .then((other) => (other ? passed() : error), toStoreError);
    lane.onFail(outcome);
  }
}

function emptyAnswers({ name }: Endpoint): StoreError {
  return new StoreError('unavailable', `${name} ends long polls without an answer`, { endpoint: name });
}
