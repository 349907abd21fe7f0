import type { Socket } from 'node:net';
import { inspect, type Lane } from './lane.js';

const BUFFER_BYTES = 64 * 1024;
// A delayed wire holds what is in flight on it: with a small buffer a delay would be a throttle as well.
const DELAYED_BUFFER_BYTES = 4 * 1024 * 1024;
const THROTTLE_SLICES_PER_SECOND = 50;

/** What a pipe needs to know of the proxy it belongs to. */
export interface PipeRules {
  readonly lane: Lane;
  /** Nothing moves now: the black hole, or a cut about to happen. */
  readonly held: () => boolean;
  /** A cut's moment has come. Nothing is forwarded from here on; `cut` runs once the bytes before it are out. */
  readonly beginCut: () => void;
}

/**
 * Forwards one direction of one connection, byte for byte and in order. At most one chunk is with the sink at a time,
 * and the source is paused while the sink does not take it: a client that stops reading stalls the server.
 */
export class Pipe {
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #rules: PipeRules;
  readonly #queue: { chunk: Buffer; readonly due: number }[] = [];
  #queued = 0;
  #writing = false;
  #ended = false;
  #nextSlot = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(source: Socket, sink: Socket, rules: PipeRules) {
    this.#source = source;
    this.#sink = sink;
    this.#rules = rules;
    source.pause();
    source.on('data', (chunk) => {
      this.#accept(chunk);
    });
    source.on('end', () => {
      this.#ended = true;
      this.pump();
    });
  }

  /** Moves what may move now. Called whenever something changed: data, room, time, or the proxy's rules. */
  pump(): void {
    while (!this.#writing && this.#timer === undefined && !this.#sink.destroyed) {
      const { lane, held } = this.#rules;
      if (held() || lane.stalled) {
        this.#source.pause();
        return;
      }
      const head = this.#queue[0];
      if (head === undefined) {
        if (this.#ended) this.#sink.end();
        else this.#source.resume();
        return;
      }
      const wait = Math.max(head.due, this.#nextSlot) - performance.now();
      if (wait > 0) this.#wakeIn(wait);
      else this.#forward(head);
    }
  }

  /** Forgets what is queued and its timer. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
    this.#queued = 0;
  }

  #accept(chunk: Buffer): void {
    const { delayMs } = this.#rules.lane;
    this.#queue.push({ chunk, due: performance.now() + delayMs });
    this.#queued += chunk.length;
    if (this.#queued >= (delayMs > 0 ? DELAYED_BUFFER_BYTES : BUFFER_BYTES)) this.#source.pause();
    this.pump();
  }

  #wakeIn(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.pump();
    }, Math.ceil(ms));
  }

  #forward(head: { chunk: Buffer }): void {
    const { lane, beginCut } = this.#rules;
    const slice = head.chunk.subarray(0, Math.max(1, Math.floor(lane.bytesPerSecond / THROTTLE_SLICES_PER_SECOND)));
    const { length, rule } = inspect(lane, slice);
    this.#take(head, slice.length);
    lane.bytes += length;
    if (lane.bytesPerSecond !== Infinity) {
      this.#nextSlot = Math.max(this.#nextSlot, performance.now()) + (length / lane.bytesPerSecond) * 1000;
    }
    if (rule !== undefined) beginCut();
    if (length === 0) {
      rule?.fire();
      return;
    }
    this.#writing = true;
    this.#sink.write(slice.subarray(0, length), () => {
      this.#writing = false;
      if (rule === undefined) this.pump();
      else rule.fire();
    });
  }

  #take(head: { chunk: Buffer }, length: number): void {
    this.#queued -= length;
    if (length === head.chunk.length) this.#queue.shift();
    else head.chunk = head.chunk.subarray(length);
    if (this.#queued < BUFFER_BYTES && !this.#ended) this.#source.resume();
  }
}
