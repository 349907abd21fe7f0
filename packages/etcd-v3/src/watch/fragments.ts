import { StoreError, type Clock } from '@holdfast/store';
import { badAnswer } from '../protobuf/bad-answer.js';
import type { WatchResponse } from '../protobuf/watch.js';

export interface FragmentOptions {
  readonly clock: Clock;
  /** How long the server may take for an answer, and for all fragments of one response. In milliseconds. */
  readonly answerMs: number;
  /** How large one response may get in fragments. */
  readonly maxResponseBytes: number;
}

/**
 * Holds the fragments of a response to following on each other, and to an end. While they are open, their revision is held back, and
 * nothing else can come: not even the answer that shows whether the stream works.
 */
export class FragmentRules {
  readonly #options: FragmentOptions;
  /** The response whose last fragment is still to come. */
  #open: { readonly watchId: number; readonly bytes: number; readonly since: number } | undefined;

  constructor(options: FragmentOptions) {
    this.#options = options;
  }

  /**
   * @param size the bytes of the message
   * @throws StoreError `internal` or `too-large` if this response can't come next
   */
  next({ fragment, watchId, events, created, canceled }: WatchResponse, size: number, endpoint: string): void {
    const open = this.#open;
    // Hardly any response comes in fragments.
    if (open === undefined && !fragment) return;
    if (open !== undefined && (open.watchId !== watchId || events === undefined || created || canceled)) {
      throw badAnswer('etcd sent something else before the last fragment of a watch response');
    }
    const bytes = (open?.bytes ?? 0) + size;
    const { maxResponseBytes, answerMs, clock } = this.#options;
    const since = open?.since ?? clock.now();
    if (fragment && clock.now() - since > answerMs) {
      throw badAnswer(`etcd sent fragments of a watch response for more than ${answerMs} ms, and not the last one`);
    }
    if (fragment && bytes > maxResponseBytes) {
      const message = `${endpoint} sent fragments of a watch response of more than ${maxResponseBytes} bytes (maxResponseBytes)`;
      throw new StoreError('too-large', message, { endpoint, retryable: true });
    }
    this.#open = fragment ? { watchId, bytes, since } : undefined;
  }
}
