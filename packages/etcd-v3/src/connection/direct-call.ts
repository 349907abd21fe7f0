import { constants, type ClientHttp2Stream, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from 'node:http2';
import { status as grpcStatus, type ChannelInterface, type Metadata } from '@grpc/grpc-js';
import { inNextTurn, inThisTurn } from '@holdfast/store/adapter';
import { AnswerMessage, framed, type Received } from './answer-message.js';
import { DROPPED, fromClose, fromHttpStatus, fromTrailers, fromWriteError, type CallStatus } from './call-status.js';
import { decompress } from './decompress.js';
import { openStream, type OpenedStream, type TransportCall } from './grpc-transport.js';

/** A unary call under way. */
export interface RunningCall {
  cancel(): void;
}

export interface DirectRequest {
  readonly path: string;
  readonly metadata: Metadata;
  /** The message, encoded. */
  readonly message: Buffer;
  /** The longest message of an answer, as it comes and once it is unpacked. */
  readonly maxResponseBytes: number;
}

/** No handler is called before {@link callDirectly} has returned. */
export interface DirectHandlers {
  onHead(contentType: string | undefined): void;
  /** Called once, and last. `message` is there if the status is OK. */
  onEnd(status: CallStatus, message: Buffer | undefined): void;
}

/**
 * Sends a unary call on the channel's HTTP/2 connection itself. gRPC's client puts six more layers between: for interceptors, deadlines,
 * retries, compression, call credentials, and streams of messages. No call of ours has any of these, and they take more CPU than the call.
 *
 * @returns `undefined` where that can't be done, and nothing was sent: gRPC's client then says why, or finds a way
 */
export function callDirectly(
  channel: ChannelInterface,
  request: DirectRequest,
  handlers: DirectHandlers,
): RunningCall | undefined {
  const opened = openStream(channel, request.path, request.metadata);
  return opened && new DirectCall(opened, request, handlers);
}

const CANCELLED: CallStatus = { code: grpcStatus.CANCELLED, details: 'cancelled here' };
const NO_MESSAGE: CallStatus = { code: grpcStatus.UNIMPLEMENTED, details: 'No message received' };

/**
 * One message out, and one message and a status back. Once that is told it holds on to nothing: Node keeps the stream of each call, with all
 * that hears of it, until V8 next collects its whole heap, and copies it twice until then.
 */
class DirectCall implements RunningCall, TransportCall {
  readonly #stream: ClientHttp2Stream;
  readonly #maxBytes: number;
  #opened: OpenedStream | undefined;
  #handlers: DirectHandlers | undefined;
  #incoming: AnswerMessage | undefined;
  #httpStatus: number | undefined;
  #encoding: string | undefined;
  #message: Buffer | undefined;
  #isUnpacking = false;
  /** The status in the answer's trailers. */
  #status: CallStatus | undefined;
  #hasAllData = false;
  #isDropped = false;
  #error: NodeJS.ErrnoException | undefined;

  constructor(opened: OpenedStream, { message, maxResponseBytes }: DirectRequest, handlers: DirectHandlers) {
    const { stream } = opened;
    this.#stream = stream;
    this.#maxBytes = maxResponseBytes;
    this.#opened = opened;
    this.#handlers = handlers;
    this.#incoming = new AnswerMessage(maxResponseBytes);
    stream.on('response', (head, flags) => {
      this.#onResponse(head, flags);
    });
    stream.on('trailers', (trailers: IncomingHttpHeaders) => {
      this.#onTrailers(trailers);
    });
    stream.on('data', (chunk: Buffer) => {
      this.#onData(chunk);
    });
    stream.on('end', () => {
      this.#hasAllData = true;
      this.#endIfComplete();
    });
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // Not one that only says that the server reset the stream: the code of that says more.
      if (error.code !== 'ERR_HTTP2_STREAM_ERROR') this.#error = error;
    });
    stream.on('close', () => {
      if (this.#handlers !== undefined) this.#onClose();
    });
    opened.begin(this);
    stream.write(framed(message), (error) => {
      if (error instanceof Error) this.#endSoon(fromWriteError(error));
    });
    stream.end();
  }

  cancel(): void {
    this.#stopStream();
    this.#endSoon(CANCELLED);
  }

  onDisconnect(): void {
    this.#isDropped = true;
    // What has come before is still to be heard.
    inNextTurn(() => {
      if (this.#status === undefined) this.#end(DROPPED);
    });
  }

  #onResponse(head: IncomingHttpHeaders & IncomingHttpStatusHeader, flags: number): void {
    this.#httpStatus = head[':status'];
    this.#encoding = head['grpc-encoding']?.toString();
    this.#handlers?.onHead(head['content-type']);
    if ((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0) this.#onTrailers(head);
  }

  #onTrailers(trailers: IncomingHttpHeaders): void {
    const status = fromTrailers(trailers, this.#httpStatus);
    this.#status = status;
    if (status.code === grpcStatus.OK) this.#endIfComplete();
    else this.#end(status);
  }

  #onData(chunk: Buffer): void {
    const added = this.#incoming?.add(chunk);
    if (added === undefined) return;
    // The first bytes of a web page are no length of a message: its HTTP status says more.
    if ('code' in added) this.#end(fromHttpStatus(this.#httpStatus) ?? added);
    else this.#receive(added);
  }

  #receive({ bytes, isCompressed }: Received): void {
    this.#message = bytes;
    if (!isCompressed) return;
    this.#isUnpacking = true;
    decompress(bytes, this.#encoding, this.#maxBytes, (result) => {
      this.#isUnpacking = false;
      if (this.#handlers === undefined) return;
      if (!(result instanceof Uint8Array)) {
        this.#end(result);
        return;
      }
      this.#message = result;
      this.#endIfComplete();
    });
  }

  /** Nothing of an answer is told before its status, and nothing of one that is not all there. */
  #endIfComplete(): void {
    if (this.#status === undefined || !this.#hasAllData || this.#isUnpacking) return;
    if (this.#message === undefined) this.#end(NO_MESSAGE);
    else this.#end(this.#status, this.#message);
  }

  /** The connection broke, the server or Node reset the stream, or a proxy ended it. An error may be told just after that. */
  #onClose(): void {
    inThisTurn(() => {
      this.#hasAllData = true;
      if (this.#status !== undefined && this.#message !== undefined) this.#endIfComplete();
      else this.#end(this.#closeStatus());
    });
  }

  #closeStatus(): CallStatus {
    return fromClose({
      resetCode: this.#stream.rstCode ?? constants.NGHTTP2_NO_ERROR,
      httpStatus: this.#httpStatus,
      isDropped: this.#isDropped,
      error: this.#error,
    });
  }

  #endSoon(status: CallStatus): void {
    inThisTurn(() => {
      this.#end(status);
    });
  }

  #end(status: CallStatus, message?: Buffer): void {
    const handlers = this.#handlers;
    if (handlers === undefined) return;
    const opened = this.#opened;
    this.#handlers = this.#opened = this.#incoming = this.#message = undefined;
    this.#stopStream();
    opened?.end(this, status);
    handlers.onEnd(status, message);
  }

  /**
   * Not after the server has ended the call: Node then closes the stream by itself. Destroyed at once, as Node can lose a stream whose
   * reset waits for a connection that takes no more.
   */
  #stopStream(): void {
    if (this.#status !== undefined || this.#stream.destroyed) return;
    this.#stream.close(constants.NGHTTP2_CANCEL);
    this.#stream.destroy();
  }
}
