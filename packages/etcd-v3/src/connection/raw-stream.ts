import type { Metadata, StatusObject } from '@grpc/grpc-js';
import type { Cut } from '../protobuf/wire.js';

/** What a call of a streaming method is begun with. */
export interface RawStreamRequest {
  readonly path: string;
  readonly metadata: Metadata;
  /** The longest message of an answer, once it is unpacked. */
  readonly maxResponseBytes: number;
  /** Where messages may be cut, if a long one may be handed over in parts. */
  readonly cut?: Cut | undefined;
}

/** A call of a streaming method, on raw messages. */
export interface RawStream {
  /** Sends a message. The next one may be sent once `sent` was called. */
  send(message: Buffer, sent: () => void): void;
  /** Nothing more will be sent. */
  halfClose(): void;
  /** Stops reading, so that flow control reaches the server. What has arrived by then may still come. */
  pause(): void;
  resume(): void;
  /** Ends the call at once. */
  cancel(details: string): void;
}

/** No handler is called before the stream was returned. */
export interface RawStreamHandlers {
  onHead(head: Metadata): void;
  /** `more`: what comes next is the next part of this message. */
  onMessage(message: Buffer, more: boolean): void;
  /** Called once, and last; after `cancel` too. */
  onEnd(status: StatusObject): void;
}
