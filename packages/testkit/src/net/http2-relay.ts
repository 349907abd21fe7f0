import {
  connect,
  constants,
  type ClientHttp2Session,
  type Http2Session,
  type Http2Stream,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { ProxyAnswer } from './answering-proxy.js';
import { GrpcMessages } from './grpc-messages.js';
import { bodyOf } from './http1-relay.js';

const { NGHTTP2_CANCEL, NGHTTP2_FLAG_END_STREAM, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

/** The way from one client's connection to the server: made with its first request, made anew after it broke. */
export class Http2Upstream {
  readonly #target: URL;
  readonly #windowBytes: number;
  #session: ClientHttp2Session | undefined;

  constructor(target: URL, windowBytes: number) {
    this.#target = target;
    this.#windowBytes = windowBytes;
  }

  /** Passes a request on, and its answer back. `change` sees each message of a gRPC answer. */
  relay(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    change: (message: Buffer) => Uint8Array | readonly Uint8Array[],
  ): void {
    const request = this.#connect().request({ ...headers, ':authority': this.#target.host }, { endStream: false });
    let trailers: IncomingHttpHeaders | undefined;
    request.on('response', (answer, flags) => {
      if (isPastAnswer(stream)) return;
      const isOver = (flags & NGHTTP2_FLAG_END_STREAM) !== 0;
      stream.respond(answer, { endStream: isOver, waitForTrailers: !isOver });
      if (isOver) return;
      const isGrpc = answer['content-type']?.startsWith('application/grpc') === true;
      (isGrpc ? request.pipe(new GrpcMessages(change)) : request).pipe(stream);
    });
    request.on('trailers', (given: IncomingHttpHeaders) => {
      trailers = given;
    });
    stream.on('wantTrailers', () => {
      if (trailers === undefined) stream.close();
      else stream.sendTrailers(trailers);
    });
    request.on('error', () => {
      if (stream.headersSent) resetHttp2(stream, request.rstCode);
      else answerHttp2(stream, { status: 502, body: 'the server could not be reached' });
    });
    stream.on('close', () => {
      resetHttp2(request, NGHTTP2_CANCEL);
    });
    stream.pipe(request);
  }

  close(): void {
    this.#session?.destroy();
  }

  #connect(): ClientHttp2Session {
    if (this.#session === undefined || this.#session.closed || this.#session.destroyed) {
      const settings = { initialWindowSize: this.#windowBytes };
      const session = connect(this.#target, { settings }, () => {
        widen(session, this.#windowBytes);
      });
      // Told by the requests on it.
      session.on('error', () => undefined);
      this.#session = session;
    }
    return this.#session;
  }
}

/** Lets a session take this much ahead. Node tells of a session's start even after its end, and throws at what is then asked of it. */
export function widen(session: Http2Session, windowBytes: number): void {
  if (!session.destroyed) session.setLocalWindowSize(windowBytes);
}

/**
 * Ends a stream before its time. With `close` alone, Node can lose a stream whose reset waits for a full connection: it then makes empty frames
 * of it without an end, in one turn, until the memory is full (seen on Node 20 to 26). What is destroyed is reset at once.
 */
export function resetHttp2(stream: Http2Stream, code = NGHTTP2_INTERNAL_ERROR): void {
  // Node would put this one off until all is sent, and forget it when the stream is destroyed. Destroyed alone, a stream has this code.
  if (code !== NGHTTP2_NO_ERROR) stream.close(code);
  stream.destroy();
}

/** Whether a request cannot be answered any more: it has its answer, or its client gave up. */
function isPastAnswer(stream: ServerHttp2Stream): boolean {
  return stream.closed || stream.destroyed || stream.headersSent;
}

export function answerHttp2(
  stream: ServerHttp2Stream,
  { status, headers = {}, body, trailers, open = false }: ProxyAnswer,
): void {
  if (isPastAnswer(stream)) return;
  stream.respond({ ':status': status, ...headers }, { waitForTrailers: trailers !== undefined });
  if (trailers !== undefined) {
    stream.on('wantTrailers', () => {
      stream.sendTrailers(trailers);
    });
  }
  const source = bodyOf(body);
  stream.on('close', () => source.destroy());
  source.on('error', () => {
    resetHttp2(stream, NGHTTP2_CANCEL);
  });
  source.pipe(stream, { end: !open });
  // What the client still sends is of no interest, and would keep the stream from closing.
  stream.resume();
}
