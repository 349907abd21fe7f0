import { once, type EventEmitter } from 'node:events';
import { createServer as createHttp1Server, type Server as Http1Server } from 'node:http';
import { createServer as createHttp2Server, type Http2Server } from 'node:http2';
import { createServer, type Server, type Socket } from 'node:net';
import type { Answering, AnsweringProxy, MessageChange, ProxiedRequest, ProxyAnswer } from './answering-proxy.js';
import { answerHttp1, relayHttp1 } from './http1-relay.js';
import { answerHttp2, Http2Upstream, resetHttp2, widen } from './http2-relay.js';
import { reservePort, type ReservedPort } from './ports.js';
import { parseTarget, type ProxyTarget } from './proxy-target.js';
import { checkFunction, checkOneOf, checkOptions, checkShape } from '../check.js';

const PREFACE = 'PRI * HTTP/2.0';
// As much as a client of Holdfast's takes at once: a proxy that is in the way of large answers would time out tests.
const WINDOW_BYTES = 16 * 1024 * 1024;

/** See {@link AnsweringProxy}. */
export class AnsweringServer implements AnsweringProxy {
  readonly requests: string[] = [];
  readonly #target: URL;
  readonly #reserved: ReservedPort;
  readonly #listener: Server;
  readonly #http1: Http1Server;
  readonly #http2: Http2Server;
  readonly #sockets = new Set<Socket>();
  /** Ends a request that was passed on and is under way. */
  readonly #open = new Set<() => void>();
  #how: Answering = () => 'pass';
  #change: MessageChange | undefined;
  #answered = 0;

  static async start(target: ProxyTarget): Promise<AnsweringServer> {
    const url = parseTarget(target);
    const proxy = new AnsweringServer(url, await reservePort());
    proxy.#listener.listen({ port: proxy.port, host: '127.0.0.1' });
    await once(proxy.#listener, 'listening');
    return proxy;
  }

  private constructor(target: URL, reserved: ReservedPort) {
    this.#target = target;
    this.#reserved = reserved;
    this.#http1 = this.#makeHttp1();
    this.#http2 = this.#makeHttp2();
    this.#listener = createServer({ noDelay: true }, (socket) => {
      this.#take(socket);
    });
  }

  get port(): number {
    return this.#reserved.port;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get answered(): number {
    return this.#answered;
  }

  answer(how: ProxyAnswer | Answering, options: { readonly open?: 'cut' | 'end' | 'keep' } = {}): void {
    if (typeof how !== 'function')
      checkShape(how, ['status'], 'answer(how)', '{ status: 503 }, or a function of the request');
    checkOptions(options, ['open'], 'answer()');
    const { open = 'cut' } = options;
    checkOneOf(open, ['cut', 'end', 'keep'], 'open');
    this.#how = typeof how === 'function' ? how : () => how;
    if (open === 'cut') this.cut();
    if (open === 'end') for (const end of this.#open) end();
  }

  rewrite(change: MessageChange | undefined): void {
    if (change !== undefined) checkFunction(change, 'rewrite(change)');
    this.#change = change;
  }

  pass(): void {
    this.#how = () => 'pass';
    this.#change = undefined;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    if (!this.#listener.listening) return;
    this.#listener.close();
    this.cut();
    await once(this.#listener, 'close');
    this.#reserved.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Hands a connection to the server of its protocol, which its first bytes tell. */
  #take(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    // Told by its end.
    socket.on('error', () => undefined);
    socket.once('readable', () => {
      const first = socket.read() as Buffer | null;
      if (first === null) return;
      socket.unshift(first);
      const isHttp2 = first.toString('latin1', 0, PREFACE.length) === PREFACE;
      (isHttp2 ? this.#http2 : this.#http1).emit('connection', socket);
    });
  }

  #makeHttp1(): Http1Server {
    const server = createHttp1Server({ keepAliveTimeout: 0, requestTimeout: 0 }, (request, response) => {
      const { method = 'GET', url: path = '/', headers } = request;
      const how = this.#decide({ http: 1, method, path, headers });
      if (how === 'pass') {
        this.#track(response, () => response.destroy());
        relayHttp1(request, response, this.#target);
      }
      if (how !== 'pass' && how !== 'hang') answerHttp1(response, how);
    });
    server.on('clientError', (_error, socket) => socket.destroy());
    return server;
  }

  #makeHttp2(): Http2Server {
    const server = createHttp2Server({ settings: { initialWindowSize: WINDOW_BYTES } });
    server.on('session', (session) => {
      widen(session, WINDOW_BYTES);
      // A session of its own at the server for each client's, as a proxy has that forwards connections.
      const upstream = new Http2Upstream(this.#target, WINDOW_BYTES);
      session.on('error', () => undefined);
      session.on('close', () => {
        upstream.close();
      });
      session.on('stream', (stream, headers) => {
        stream.on('error', () => undefined);
        const path = headers[':path'] ?? '/';
        const how = this.#decide({ http: 2, method: headers[':method'] ?? 'GET', path, headers });
        if (how === 'pass') {
          this.#track(stream, () => {
            resetHttp2(stream);
          });
          upstream.relay(stream, headers, (message) => this.#change?.(message, path) ?? message);
        }
        if (how !== 'pass' && how !== 'hang') answerHttp2(stream, how);
      });
    });
    return server;
  }

  #track(request: EventEmitter, end: () => void): void {
    this.#open.add(end);
    request.on('close', () => this.#open.delete(end));
  }

  #decide(request: ProxiedRequest): ProxyAnswer | 'pass' | 'hang' {
    this.requests.push(request.path);
    const how = this.#how(request);
    if (how !== 'pass') this.#answered += 1;
    return how;
  }
}
