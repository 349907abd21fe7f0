import { StoreError, type Bookmark } from '@holdfast/store';
import { parseAnyRead } from '../json/answer.js';
import type { AnswerHead } from '../connection/call.js';
import type { Connection } from '../connection/connection.js';
import type { HistoryPoint } from '../connection/history-point.js';
import type { Endpoint } from '../connection/endpoint.js';
import type { Located } from '../json/key-path.js';
import { bookmarkOf } from '../kv/reads.js';

export interface ConfirmedHead {
  readonly bookmark: Bookmark;
  readonly endpoint: Endpoint;
}

/** A sign of another history in the answer of a single member. `confirm` settles it. */
const SUSPICION = 'its history may have changed';

/**
 * Checks that a watch still follows the history with which it began (C13). The headers of one member are only a suspicion, because a member
 * may lag behind. A linearizable read settles it.
 */
export class HistoryCheck {
  readonly #connection: Connection;
  readonly #located: Located;
  /** The highest raft term so far. A confirmed lower one means that the cluster was restored or emptied. */
  #raftTerm = 0;
  /** Whether a member reported a lower term. */
  #lowTerm = false;

  constructor(connection: Connection, located: Located) {
    this.#connection = connection;
    this.#located = located;
  }

  /**
   * Checks the headers of a poll that the server has just taken. `reached`: the index up to which this member has delivered events;
   * `undefined` for the first poll after `confirm`.
   *
   * @throws StoreError `history-changed` for another cluster; `unavailable` for a suspicion.
   */
  check({ identity, index, raftTerm }: HistoryPoint, reached: number | undefined, expected: string): void {
    if (identity !== expected) throw otherCluster(expected, identity);
    if (reached !== undefined && (index ?? 0) < reached) {
      throw new StoreError('unavailable', `a member is at index ${index ?? 0}, and was at ${reached}: ${SUSPICION}`);
    }
    if (raftTerm === undefined) return;
    if (raftTerm < this.#raftTerm && reached !== undefined) {
      this.#lowTerm = true;
      throw new StoreError(
        'unavailable',
        `a member is in term ${raftTerm}, and was in ${this.#raftTerm}: ${SUSPICION}`,
      );
    }
    this.#raftTerm = Math.max(this.#raftTerm, raftTerm);
  }

  /**
   * The head of the history, by a linearizable read within the watched range, which needs no more permission than the watch.
   *
   * @throws StoreError `history-changed` if the history does not contain `bookmark`.
   */
  async confirm(bookmark: Bookmark | undefined, signal: AbortSignal): Promise<ConfirmedHead> {
    const { probe } = this.#located;
    let head = await this.#read(probe, signal);
    if (bookmark !== undefined && isBehind(head, bookmark)) {
      // A linearizable read can't be behind. If one seems to be, another member is asked too.
      head = await this.#read(probe, signal, head.endpoint);
      if (isBehind(head, bookmark)) throw behind(head, bookmark);
    }
    if (bookmark !== undefined && head.identity !== bookmark.identity) {
      throw otherCluster(bookmark.identity, head.identity);
    }
    if (this.#lowTerm) await this.#confirmTerm(signal);
    return { bookmark: bookmarkOf(head), endpoint: head.endpoint };
  }

  /**
   * Errors don't have the term, so the directory itself is read. That is worth it only on a suspicion. If the directory does not exist, the
   * doubt stays, and reading it again is cheap.
   */
  async #confirmTerm(signal: AbortSignal): Promise<void> {
    const { raftTerm } = await this.#read(this.#located.path, signal);
    if (raftTerm === undefined || raftTerm < this.#raftTerm) {
      throw new StoreError(
        'history-changed',
        `the cluster was in raft term ${this.#raftTerm}, and is in a lower one: it was restored or emptied; read again`,
      );
    }
    this.#lowTerm = false;
  }

  #read(path: string, signal: AbortSignal, avoid?: Endpoint): Promise<AnswerHead> {
    return this.#connection.call({
      method: 'GET',
      path,
      quorum: true,
      kind: 'read',
      signal,
      expect: [100, 104],
      avoid,
      parse: ({ body }) => {
        parseAnyRead(body);
      },
    });
  }
}

function isBehind({ index, identity }: HistoryPoint, bookmark: Bookmark): boolean {
  return identity === bookmark.identity && (index ?? 0) < bookmark.revision;
}

function behind({ index, endpoint }: AnswerHead, { revision }: Bookmark): StoreError {
  return new StoreError(
    'history-changed',
    `the store's index is ${index ?? 0}, and the bookmark's is ${revision}: it was restored or emptied; read again`,
    { endpoint: endpoint.name },
  );
}

function otherCluster(expected: string, identity: string): StoreError {
  return new StoreError(
    'history-changed',
    `the bookmark is of cluster ${expected}, and this is cluster ${identity}: read again`,
  );
}
