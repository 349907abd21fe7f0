import { status as grpcStatus, type ChannelInterface, type Metadata, type StatusObject } from '@grpc/grpc-js';
import { Fifo } from '@holdfast/store/adapter';
import type { Cut } from '../protobuf/wire.js';
import { framed } from './answer-message.js';
import type { CallStatus } from './call-status.js';
import { decompress } from './decompress.js';
import { pickSubchannel } from './grpc-channel.js';
import { MessageReader, type SentMessage } from './message-reader.js';
import type { RawStream, RawStreamHandlers, RawStreamRequest } from './raw-stream.js';

/** The part of gRPC's connection that begins a call. It is its own matter, so nothing of it is taken for granted. */
interface SubchannelParts {
  createCall?(metadata: Metadata, host: string, path: string, listener: object, id: number): Partial<TransportCall>;
}

/** A call on the connection. */
interface TransportCall {
  cancelWithStatus(code: grpcStatus, details: string): void;
  sendMessageWithContext(context: { readonly callback: () => void }, framed: Buffer): void;
  halfClose(): void;
  /** Gets the call's bytes as they come, and gives the messages in them. */
  decoder: { write(bytes: Buffer): readonly Buffer[] };
  readonly http2Stream: { pause(): void; resume(): void };
}

const CALL_PARTS = ['cancelWithStatus', 'sendMessageWithContext', 'halfClose'] as const;
const NO_MESSAGES: readonly Buffer[] = [];

/**
 * Begins a stream on the channel's connection itself. gRPC's client puts five more layers between, and each message goes through promises
 * and further turns on its way: of a watch that is most of what an event costs. Here messages are read from the connection's bytes in the
 * turn in which those come.
 *
 * @returns `undefined` where that can't be done: gRPC's client then says why, or finds a way
 */
export function streamDirectly(
  channel: ChannelInterface,
  { path, metadata, maxResponseBytes, cut }: RawStreamRequest,
  handlers: RawStreamHandlers,
): RawStream | undefined {
  const picked = pickSubchannel<SubchannelParts>(channel, metadata);
  if (picked === undefined) return undefined;
  const stream = new DirectStream(handlers, maxResponseBytes, (status) => {
    picked.channel.onCallEnd(status);
  });
  try {
    const call = picked.subchannel.createCall?.(metadata, picked.channel.defaultAuthority, path, stream, 0);
    if (call === undefined) return undefined;
    if (!isComplete(call)) {
      call.cancelWithStatus?.(grpcStatus.CANCELLED, 'it lacks parts');
      return undefined;
    }
    stream.begin(call, cut);
  } catch {
    // It is not connected any more.
    return undefined;
  }
  picked.channel.onCallStart();
  return stream;
}

class DirectStream implements RawStream {
  readonly #handlers: RawStreamHandlers;
  readonly #maxBytes: number;
  readonly #onOver: (status: StatusObject) => void;
  #call: TransportCall | undefined;
  #isPaused = false;
  #encoding: string | undefined;
  #isUnpacking = false;
  /** What came while a message was being unpacked. */
  readonly #waiting = new Fifo<SentMessage>();
  /** How the call ended meanwhile. */
  #status: StatusObject | undefined;

  constructor(handlers: RawStreamHandlers, maxBytes: number, onOver: (status: StatusObject) => void) {
    this.#handlers = handlers;
    this.#maxBytes = maxBytes;
    this.#onOver = onOver;
  }

  /** Takes over what the call receives. */
  begin(call: TransportCall, cut: Cut | undefined): void {
    this.#call = call;
    const messages = new MessageReader(this.#maxBytes, cut, (message) => {
      this.#receive(message);
    });
    call.decoder = {
      write: (bytes) => {
        messages.push(bytes);
        return NO_MESSAGES;
      },
    };
  }

  send(message: Buffer, sent: () => void): void {
    this.#call?.sendMessageWithContext({ callback: sent }, framed(message));
  }

  halfClose(): void {
    this.#call?.halfClose();
  }

  pause(): void {
    this.#isPaused = true;
    this.#call?.http2Stream.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#isUnpacking) this.#call?.http2Stream.resume();
  }

  cancel(details: string): void {
    this.#call?.cancelWithStatus(grpcStatus.CANCELLED, details);
  }

  // As the listener of gRPC's call.

  onReceiveMetadata(head: Metadata): void {
    this.#encoding = head.get('grpc-encoding')[0]?.toString();
    this.#handlers.onHead(head);
  }

  onReceiveStatus(status: StatusObject): void {
    if (this.#isUnpacking) {
      this.#status = status;
      return;
    }
    this.#onOver(status);
    this.#handlers.onEnd(status);
  }

  #receive(message: SentMessage): void {
    if (this.#isUnpacking) this.#waiting.push(message);
    else if (message.isCompressed) this.#unpack(message.bytes);
    else this.#handlers.onMessage(message.bytes, message.more);
  }

  /** Something on the way has compressed a message. Those after it wait. */
  #unpack(packed: Buffer): void {
    this.#isUnpacking = true;
    this.#call?.http2Stream.pause();
    decompress(packed, this.#encoding, this.#maxBytes, (result) => {
      this.#isUnpacking = false;
      if (result instanceof Uint8Array) this.#handlers.onMessage(result, false);
      else this.#giveUp(result);
      while (!this.#isUnpacking && this.#waiting.length > 0) this.#receive(this.#waiting.shift() as SentMessage);
      if (this.#isUnpacking) return;
      if (this.#status !== undefined) this.onReceiveStatus(this.#status);
      else if (!this.#isPaused) this.#call?.http2Stream.resume();
    });
  }

  #giveUp({ code, details }: CallStatus): void {
    this.#waiting.clear();
    if (this.#status === undefined) this.#call?.cancelWithStatus(code, details);
    else this.#status = { code, details, metadata: this.#status.metadata };
  }
}

function isComplete(call: Partial<TransportCall>): call is TransportCall {
  const { decoder, http2Stream } = call;
  return (
    CALL_PARTS.every((name) => typeof call[name] === 'function') &&
    typeof decoder?.write === 'function' &&
    typeof http2Stream?.pause === 'function' &&
    typeof http2Stream.resume === 'function'
  );
}
