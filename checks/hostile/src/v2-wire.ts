import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Readable } from 'node:stream';

export interface V2Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The body is announced as longer, and the connection ends after it. */
  readonly truncated?: boolean;
  /** The body is sent again and again. */
  readonly endless?: boolean;
  /** The answer stays open after the body. */
  readonly open?: boolean;
}

/** What a client gets in place of an answer of the server. `path` is the request's, with its query. */
export type V2Change = (answer: V2Answer, path: string) => V2Answer;

/** A proxy in front of the v2 API that changes answers. While it does, a long poll's head comes with its body. */
export class V2Wire {
  readonly #upstream: URL;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #change: V2Change | undefined;
  /** Answers at once, without the server. */
  #answers: (() => V2Answer | 'hang') | undefined;

  static async start(upstream: string): Promise<V2Wire> {
    const wire = new V2Wire(new URL(upstream));
    await new Promise<void>((resolve) => wire.#server.listen(0, '127.0.0.1', resolve));
    return wire;
  }

  private constructor(upstream: URL) {
    this.#upstream = upstream;
    this.#server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, (request, response) => {
      this.#pass(request, response);
    });
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
    });
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  change(change: V2Change): void {
    this.#change = change;
    // Long polls begin anew, so that they are answered like that too.
    this.cut();
  }

  answer(answers: () => V2Answer | 'hang'): void {
    this.#answers = answers;
    this.cut();
  }

  /** The polls that are under way are answered by the server as it is from now on. */
  heal(): void {
    this.#change = undefined;
    this.#answers = undefined;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pass(request: IncomingMessage, response: ServerResponse): void {
    const own = this.#answers?.();
    if (own !== undefined) {
      request.resume();
      if (own !== 'hang') send(response, own);
      return;
    }
    const { method = 'GET', url: path = '/', headers } = request;
    const { hostname, port } = this.#upstream;
    const onward = httpRequest({ hostname, port, method, path, headers, agent: false }, (answer) => {
      if (this.#change === undefined) {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        response.flushHeaders();
      }
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', () => response.destroy());
      answer.on('end', () => {
        const body = Buffer.concat(chunks).toString();
        if (response.headersSent) {
          response.end(body);
          return;
        }
        const given = { status: answer.statusCode ?? 502, headers: plainHeaders(answer), body };
        send(response, this.#change?.(given, path) ?? given);
      });
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  }
}

function* again(bytes: Buffer): Generator<Buffer> {
  for (;;) yield bytes;
}

function plainHeaders({ headers }: IncomingMessage): Record<string, string> {
  const entries = Object.entries(headers).filter(
    ([name]) => !['content-length', 'transfer-encoding', 'connection'].includes(name),
  );
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}

function send(response: ServerResponse, { status, headers, body, truncated, endless, open }: V2Answer): void {
  const bytes = Buffer.from(body);
  if (truncated === true) response.setHeader('content-length', bytes.length + 10);
  response.writeHead(status, headers);
  response.flushHeaders();
  // Node takes as much as there is for an answer without a body, and never asks the source to wait.
  if (response.req.method === 'HEAD' || status === 204) {
    response.end();
    return;
  }
  if (endless === true) {
    const source = Readable.from(again(bytes));
    response.on('close', () => source.destroy());
    source.on('error', () => response.destroy()).pipe(response);
    return;
  }
  if (truncated === true) response.write(bytes, () => response.destroy());
  else if (open === true) response.write(bytes);
  else response.end(bytes);
}
