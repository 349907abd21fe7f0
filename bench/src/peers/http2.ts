import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';

const WINDOW = 16 * 1024 * 1024;

/** gRPC by hand on `node:http2`: the floor under everything that Node can do. */
export class Http2Peer {
  readonly #session: ClientHttp2Session;

  private constructor(session: ClientHttp2Session) {
    this.#session = session;
  }

  static connect(endpoint: string): Promise<Http2Peer> {
    return new Promise((resolve, reject) => {
      const session = connect(endpoint, { settings: { initialWindowSize: WINDOW } });
      session.once('error', reject);
      session.once('connect', () => {
        // An end before the start is told by its error.
        if (session.destroyed) return;
        session.setLocalWindowSize(WINDOW);
        resolve(new Http2Peer(session));
      });
    });
  }

  /** The response message as the chunks that it came in: see {@link messageOf}. */
  range(request: Buffer): Promise<readonly Buffer[]> {
    return this.unary('KV/Range', request);
  }

  /** The same of any call. Its status is not looked at. */
  unary(method: string, request: Buffer): Promise<readonly Buffer[]> {
    return new Promise((resolve, reject) => {
      const stream = this.#begin(`/etcdserverpb.${method}`);
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', reject);
      stream.on('end', () => {
        resolve(chunks);
      });
      stream.end(frame(request));
    });
  }

  watch(request: Buffer, onMessage: (message: Buffer) => void): ClientHttp2Stream {
    const stream = this.#begin('/etcdserverpb.Watch/Watch');
    const messages = new MessageReader(onMessage);
    stream.on('data', (chunk: Buffer) => {
      messages.add(chunk);
    });
    stream.on('error', () => undefined);
    stream.write(frame(request));
    return stream;
  }

  close(): void {
    this.#session.destroy();
  }

  #begin(path: string): ClientHttp2Stream {
    return this.#session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
  }
}

/** Puts gRPC messages together from the chunks of a stream: a byte of flags, four of length, the message. */
class MessageReader {
  readonly #onMessage: (message: Buffer) => void;
  #chunks: Buffer[] = [];
  #length = 0;
  #wanted = 5;

  constructor(onMessage: (message: Buffer) => void) {
    this.#onMessage = onMessage;
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    while (this.#length >= this.#wanted) {
      const [first = chunk] = this.#chunks;
      const bytes = this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
      this.#wanted = 5 + bytes.readUInt32BE(1);
      this.#chunks = [bytes];
      if (bytes.length < this.#wanted) return;
      const message = bytes.subarray(5, this.#wanted);
      const rest = bytes.subarray(this.#wanted);
      this.#chunks = [rest];
      this.#length = rest.length;
      this.#wanted = 5;
      this.#onMessage(message);
    }
  }
}

/** The one message of a response. */
export function messageOf(chunks: readonly Buffer[]): Buffer {
  return Buffer.concat(chunks).subarray(5);
}

function frame(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
