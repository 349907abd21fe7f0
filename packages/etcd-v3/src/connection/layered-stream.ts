import { status as grpcStatus, type ChannelInterface } from '@grpc/grpc-js';
import type { RawStream, RawStreamHandlers, RawStreamRequest } from './raw-stream.js';

/**
 * A stream through all layers of gRPC's client, from which messages are taken one by one. It uses gRPC's call, not its Node stream: that
 * reads up to sixteen messages ahead, and a watch response can have any size.
 */
export function streamThroughLayers(
  channel: ChannelInterface,
  { path, metadata }: RawStreamRequest,
  handlers: RawStreamHandlers,
): RawStream {
  const call = channel.createCall(path, Infinity, undefined, null, undefined);
  let isReading = false;
  let isPaused = false;
  let isOver = false;
  const read = (): void => {
    if (isOver || isReading || isPaused) return;
    isReading = true;
    call.startRead();
  };
  call.start(metadata, {
    onReceiveMetadata: (head) => {
      handlers.onHead(head);
    },
    onReceiveMessage: (message: Buffer) => {
      isReading = false;
      handlers.onMessage(message, false);
      read();
    },
    onReceiveStatus: (status) => {
      isOver = true;
      handlers.onEnd(status);
    },
  });
  read();
  return {
    send: (message, sent) => {
      call.sendMessageWithContext({ callback: sent }, message);
    },
    halfClose: () => {
      call.halfClose();
    },
    pause: () => {
      isPaused = true;
    },
    resume: () => {
      isPaused = false;
      read();
    },
    cancel: (details) => {
      isOver = true;
      call.cancelWithStatus(grpcStatus.CANCELLED, details);
    },
  };
}
