import { Agent, request as httpRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { SecureContextOptions } from 'node:tls';

type SecureOptions = SecureContextOptions & { readonly rejectUnauthorized?: boolean };

/** The launcher's own certificate for servers that speak TLS, as PEM. The server's certificate is not checked. */
export interface ClientIdentity {
  readonly cert: string;
  readonly key: string;
}

/** A small HTTP client of the tests, so that a check does not depend on the adapter under test. */
export class Http {
  readonly #agent: Agent;
  readonly #send: typeof httpRequest;
  readonly #tls: SecureOptions;

  constructor(identity?: ClientIdentity) {
    const pool = { keepAlive: true, maxSockets: 16 };
    this.#tls = identity === undefined ? {} : { ...identity, rejectUnauthorized: false };
    this.#agent = identity === undefined ? new Agent(pool) : new HttpsAgent({ ...pool, ...this.#tls });
    this.#send = identity === undefined ? httpRequest : httpsRequest;
  }

  /** The body of a 2xx answer. Anything else, and no answer within `timeoutMs`, is an error. */
  async get(url: string, timeoutMs = 5_000): Promise<string> {
    // A new connection: an idle one may belong to a server that was killed since.
    return this.#request(url, { method: 'GET', agent: false, ...this.#tls }, timeoutMs);
  }

  async post(url: string, body: string, timeoutMs = 10_000): Promise<string> {
    const headers = { 'content-type': 'application/json' };
    return this.#request(url, { method: 'POST', agent: this.#agent, headers }, timeoutMs, body);
  }

  /** Closes the connections kept for later. */
  close(): void {
    this.#agent.destroy();
  }

  #request(url: string, options: RequestOptions, timeoutMs: number, body?: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const request = this.#send(url, options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const status = response.statusCode ?? 0;
          if (status >= 200 && status < 300) resolve(text);
          else reject(new Error(`${url} answered ${status}: ${text.trim()}`));
        });
      });
      const timer = setTimeout(() => {
        request.destroy(new Error(`${url} did not answer within ${timeoutMs} ms`));
      }, timeoutMs);
      request.on('error', reject);
      request.on('close', () => {
        clearTimeout(timer);
      });
      request.end(body);
    });
  }
}
