import { status as grpcStatus } from '@grpc/grpc-js';
import { isStoreError, StoreError, type Revision } from '@holdfast/store';
import { noteFailure, toStoreError, type KeyRange } from '@holdfast/store/adapter';
import type { RangeCall, RangeEnd } from '../connection/range-call.js';
import { isGrpc, toFailureError, type GrpcFailure } from '../errors.js';
import { badAnswer } from '../protobuf/bad-answer.js';
import { checkHeader, type ResponseHeader } from '../protobuf/header.js';
import { outlineChunk } from '../protobuf/range.js';
import { checkKeys, type PageKeys } from './page-keys.js';
import { RangeRules } from './range-rules.js';

export interface RangeChunksOptions {
  readonly range: KeyRange;
  /** The past revision that is read. */
  readonly revision: Revision;
  /** How many keys the range has at that revision. */
  readonly count: number;
  /** Refuses the end of a stream whose server has another history. */
  readonly checkHistory: (header: ResponseHeader) => void;
  readonly signal: AbortSignal;
}

/** A chunk, checked: its entries are the next ones of the range. */
export interface RangeChunk {
  readonly buffer: Buffer;
  readonly keys: PageKeys;
  readonly bounds: readonly number[];
  /** Whether it is not known to be the last one. */
  readonly more: boolean;
}

/** How a read by chunks ended: with all entries, or with a failure after which a page may do better. */
export type ChunksEnd =
  | { readonly status: 'complete' }
  /** `final`: all that is left should be read in pages. */
  | { readonly status: 'failed'; readonly final: boolean };

/** This many chunks without an entry are no way to send a range. */
const MOST_EMPTY = 16;

/**
 * The entries of a range at a past revision, as the server sends them by itself. Nothing is taken on trust: the stream is complete
 * only if it ended well, with a header of the same history, and brought as many keys as the range has (C5).
 */
export class RangeChunks {
  readonly #call: RangeCall;
  readonly #options: RangeChunksOptions;
  readonly #rules: RangeRules;
  #left: number;
  #header: ResponseHeader | undefined;
  #more = false;
  #count: number | undefined;
  #empty = 0;
  #end: ChunksEnd | undefined;

  constructor(call: RangeCall, options: RangeChunksOptions) {
    const { range, revision, count } = options;
    this.#call = call;
    this.#options = options;
    this.#rules = new RangeRules(range, { revision }, revision);
    this.#left = count;
  }

  /**
   * The next chunk that has entries, or the end.
   *
   * @throws StoreError `history-changed`, the signal's reason, or `unavailable` if the chunks so far are of another cluster.
   */
  async next(): Promise<RangeChunk | ChunksEnd> {
    if (this.#end !== undefined) return this.#end;
    const chunk = await this.#take();
    if ('status' in chunk) return (this.#end = chunk);
    if (this.#left > 0) return { ...chunk, more: true };
    // By its count this is the last one. It says so itself only if the end bears it out.
    const after = await this.#take();
    this.#end = 'status' in after ? after : this.#unusable(badAnswer('etcd sent more entries than its count says'));
    return { ...chunk, more: this.#end.status !== 'complete' };
  }

  /** The next chunk, of which nothing but its entries is known to be right, or the end. */
  async #take(): Promise<Omit<RangeChunk, 'more'> | ChunksEnd> {
    for (;;) {
      const came = await this.#call.next();
      if (!Buffer.isBuffer(came)) return this.#ended(came);
      try {
        // More than are left can't be: at one revision, the count is exact.
        const { header, more, count, bounds, buffer } = outlineChunk(came, this.#left);
        // As protobuf merges messages.
        this.#header = header ?? this.#header;
        this.#more = more ?? this.#more;
        this.#count = count ?? this.#count;
        if (bounds.length > 0) {
          const keys = await checkKeys({ buffer, bounds }, this.#rules);
          this.#left -= bounds.length / 2;
          this.#empty = 0;
          return { buffer, keys, bounds };
        }
        this.#empty += 1;
        if (this.#empty > MOST_EMPTY) throw badAnswer('etcd sent chunks without entries');
      } catch (error) {
        return this.#unusable(error);
      }
    }
  }

  #ended(end: RangeEnd): ChunksEnd {
    switch (end.status) {
      case 'ended':
        return this.#judge();
      case 'failed':
        return this.#failed(end.failure);
      case 'gone':
        return { status: 'failed', final: false };
      case 'silent':
        return this.#forsake(new StoreError('unavailable', `${this.#call.endpoint} sent no chunk of a range in time`));
      case 'foreign':
      case 'aborted':
        throw end.error;
      default:
        return end satisfies never;
    }
  }

  /** The server said that this was all. */
  #judge(): ChunksEnd {
    const { range, revision, count, checkHistory } = this.#options;
    let header: ResponseHeader;
    try {
      if (this.#header === undefined) throw badAnswer(`etcd ended the chunks of ${range.toString()} without a header`);
      header = checkHeader(this.#header);
      if (header.revision < revision) {
        throw badAnswer(`etcd answered a read at revision ${revision} with its state at ${header.revision}`);
      }
      // Missing keys would be taken for deleted.
      if (this.#left > 0 || this.#more || this.#count !== count) {
        const told = `a count of ${String(this.#count)} and ${this.#more ? '' : 'no '}more to come`;
        throw badAnswer(`etcd sent ${count - this.#left} of the ${count} entries of ${range.toString()}, with ${told}`);
      }
    } catch (error) {
      return this.#unusable(error);
    }
    checkHistory(header);
    return { status: 'complete' };
  }

  #failed(failure: GrpcFailure): ChunksEnd {
    const error = toFailureError(failure, 'read', this.#call.endpoint);
    const lacks = failure.code === (grpcStatus.UNIMPLEMENTED as number) || !isGrpc(failure.contentType);
    if (lacks) return this.#forsake(error);
    noteFailure(this.#options.signal, error);
    // Pages are made shorter until they fit.
    return { status: 'failed', final: isStoreError(error, 'too-large') };
  }

  #unusable(thrown: unknown): ChunksEnd {
    return this.#forsake(toStoreError(thrown));
  }

  #forsake(why: StoreError): ChunksEnd {
    noteFailure(this.#options.signal, why);
    this.#call.forsake(why);
    return { status: 'failed', final: true };
  }
}
