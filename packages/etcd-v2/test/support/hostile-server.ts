import {
  createServer as createHttpServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer, type AddressInfo, type Socket } from 'node:net';

/** A request as it arrived. */
export interface Asked {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly body: string;
  readonly authorization: string | undefined;
  readonly headers: IncomingHttpHeaders;
  /** Which TCP connection it came over, from 1. */
  readonly connection: number;
}

/** What is done with a request. Without a body the connection stays open after the head, as for a long poll. */
export type Reply =
  /** From the server behind, if there is one. */
  | 'pass'
  /** Never answered. */
  | 'hang'
  /** The connection ends. */
  | 'cut'
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
      /** The body is announced as longer than it is, and the connection ends after it. */
      readonly truncated?: boolean;
      /** The body is sent again and again, until the client ends the connection. */
      readonly endless?: boolean;
      /** The head, and the body if there is one; the answer never ends. */
      readonly headOnly?: boolean;
    };

/**
 * An HTTP server that answers what it is told to: a proxy that speaks for itself, a server that lies, a broken one. With a
 * server behind, everything else is passed on to that, so that it can stand in front of a real etcd.
 */
export class HostileServer implements AsyncDisposable {
  readonly asked: Asked[] = [];
  /** Bytes of bodies that were sent. */
  sent = 0;
  #reply: (asked: Asked) => Reply;
  readonly #upstream: URL | undefined;
  readonly #sockets = new Map<Socket, number>();
  #connections = 0;
  readonly #http = createHttpServer((request, response) => {
    void bodyOf(request).then((body) => {
      const asked: Asked = {
        method: request.method ?? '',
        path: request.url ?? '',
        body,
        authorization: request.headers.authorization,
        headers: request.headers,
        connection: this.#sockets.get(request.socket) ?? 0,
      };
      this.asked.push(asked);
      const reply = this.#reply(asked);
      if (reply === 'hang') return;
      if (reply === 'cut') {
        request.socket.destroy();
        return;
      }
      if (reply === 'pass') {
        this.#pass(asked, request, response);
        return;
      }
      const { status, headers = {}, body: text = '', truncated, endless, headOnly } = reply;
      const bytes = Buffer.from(text);
      if (truncated === true) response.setHeader('content-length', bytes.length + 10);
      else if (endless !== true && headOnly !== true) response.setHeader('content-length', bytes.length);
      response.writeHead(status, headers);
      response.flushHeaders();
      if (headOnly === true) {
        if (text !== '') response.write(bytes);
        return;
      }
      if (endless === true) {
        const pump = (): void => {
          while (!response.destroyed && response.write(bytes)) this.sent += bytes.length;
          this.sent += bytes.length;
        };
        response.on('drain', pump);
        pump();
        return;
      }
      this.sent += bytes.length;
      if (truncated === true) response.write(bytes, () => request.socket.destroy());
      else response.end(bytes);
    });
  });
  // A server of its own for the connections, so that they can be counted, refused and left unanswered.
  readonly #tcp = createServer({ noDelay: true }, (socket) => {
    this.#sockets.set(socket, (this.#connections += 1));
    socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
    this.#http.emit('connection', socket);
  });

  private constructor(reply: (asked: Asked) => Reply, upstream: string | undefined) {
    this.#reply = reply;
    this.#upstream = upstream === undefined ? undefined : new URL(upstream);
  }

  /** @param upstream the server behind, such as `http://127.0.0.1:2379` */
  static async start(
    reply: (asked: Asked) => Reply,
    { upstream, host = '127.0.0.1', port = 0 }: { upstream?: string; host?: string; port?: number } = {},
  ): Promise<HostileServer> {
    const server = new HostileServer(reply, upstream);
    await new Promise<void>((resolve, reject) => {
      server.#tcp.once('error', reject).listen(port, host, resolve);
    });
    return server;
  }

  get port(): number {
    return (this.#tcp.address() as AddressInfo).port;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** How many connections were made. */
  get totalConnections(): number {
    return this.#connections;
  }

  /** From now on. */
  reply(reply: (asked: Asked) => Reply): void {
    this.#reply = reply;
  }

  /** Ends the connections that there are. */
  cut(): void {
    for (const socket of this.#sockets.keys()) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    this.#http.close();
    await new Promise((resolve) => this.#tcp.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #pass({ method, path, body }: Asked, request: IncomingMessage, response: ServerResponse): void {
    const { hostname, port } = this.#upstream ?? {};
    const onward = httpRequest(
      {
        hostname,
        port,
        method,
        path,
        headers: { ...request.headers, host: `${String(hostname)}:${String(port)}` },
        agent: false,
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        response.flushHeaders();
        answer.pipe(response);
      },
    );
    onward.on('error', () => request.socket.destroy());
    request.socket.once('close', () => onward.destroy());
    onward.end(body);
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** The headers of etcd's keys API. */
export function etcdHeaders(index: number | string = 5, cluster = 'abc', term = 2): Record<string, string> {
  return {
    'content-type': 'application/json',
    'x-etcd-cluster-id': cluster,
    'x-etcd-index': String(index),
    'x-raft-index': String(index),
    'x-raft-term': String(term),
  };
}

/** An answer with etcd's headers. */
export function etcdSays(value: unknown, index: number | string = 5, status = 200, cluster = 'abc'): Reply {
  return {
    status,
    headers: etcdHeaders(index, cluster),
    body: typeof value === 'string' ? value : JSON.stringify(value),
  };
}

/** How etcd says that a key is not there. */
export function notFound(cause: string, index = 5, cluster = 'abc'): Reply {
  return etcdSays({ errorCode: 100, message: 'Key not found', cause, index }, index, 404, cluster);
}
