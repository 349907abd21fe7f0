import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { ProxyAnswer } from './answering-proxy.js';

/** Passes a request of HTTP/1.1 on, and its answer back. */
export function relayHttp1(request: IncomingMessage, response: ServerResponse, target: URL): void {
  const { method, url: path, headers } = request;
  const upstream = httpRequest({ host: target.hostname, port: target.port, method, path, headers, agent: false });
  upstream.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    // The head of a long poll comes long before its body.
    response.flushHeaders();
    answer.pipe(response);
    answer.on('error', () => response.destroy());
  });
  upstream.on('error', () => {
    if (response.headersSent) response.destroy();
    else answerHttp1(response, { status: 502, body: 'the server could not be reached' });
  });
  response.on('close', () => upstream.destroy());
  request.pipe(upstream);
}

export function answerHttp1(response: ServerResponse, { status, headers = {}, body, open = false }: ProxyAnswer): void {
  response.writeHead(status, headers);
  response.flushHeaders();
  // Node takes as much as there is for an answer without a body, and never asks the source to wait: an endless one would not let go.
  if (response.req.method === 'HEAD' || status === 204 || status === 304) {
    response.end();
    return;
  }
  const source = bodyOf(body);
  response.on('close', () => source.destroy());
  source.on('error', () => response.destroy());
  source.pipe(response, { end: !open });
}

/** The body as a stream, whatever it was given as. */
export function bodyOf(body: ProxyAnswer['body'] = ''): Readable {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  return Readable.from(bytes instanceof Uint8Array ? (bytes.length === 0 ? [] : [bytes]) : bytes, {
    objectMode: true,
  });
}
