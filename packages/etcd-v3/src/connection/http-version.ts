import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { EndpointAddress, Security } from '@holdfast/etcd-common';
import type { Clock } from '@holdfast/store';
import { addAbortListener, removeAbortListener } from '@holdfast/store/adapter';
import { tlsOptions } from './socket-security.js';

/** Versions as `GET /version` reports them, such as `3.5.30` and `3.5.0`. */
export interface ServedVersions {
  readonly server: string;
  /** The oldest version that any member of the cluster may have. A new cluster has not agreed on one yet. */
  readonly cluster: string | undefined;
}

export interface VersionQuestion {
  readonly address: EndpointAddress;
  readonly security: () => Security;
  readonly headers: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** etcd's answer has some 50 bytes. A longer one is not etcd's. */
const MAX_BYTES = 4_096;
const VERSION = /^\d+\.\d+\.\d+/;

/**
 * Asks `GET /version` over a separate connection. etcd answers it to anyone, even if it refuses `Maintenance.Status`.
 *
 * @returns `undefined` if no etcd answers: a proxy may serve gRPC only
 */
export function readServedVersions(question: VersionQuestion): Promise<ServedVersions | undefined> {
  const { clock, timeoutMs, signal } = question;
  return new Promise((resolve) => {
    const end = (versions: ServedVersions | undefined): void => {
      clock.clearTimeout(timer);
      removeAbortListener(signal, giveUp);
      request.destroy();
      resolve(versions);
    };
    const giveUp = (): void => {
      end(undefined);
    };
    const request = ask(question, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
        if (body.length > MAX_BYTES) giveUp();
      });
      response.on('error', giveUp);
      response.on('end', () => {
        end(response.statusCode === 200 ? parse(body) : undefined);
      });
    });
    const timer = clock.setTimeout(giveUp, timeoutMs);
    // Watches ask too, and need not keep the process alive.
    request.on('socket', (socket) => socket.unref());
    request.on('error', giveUp);
    addAbortListener(signal, giveUp);
    if (signal?.aborted === true) giveUp();
    else request.end();
  });
}

function ask(
  { address, security, headers }: VersionQuestion,
  onResponse: (response: IncomingMessage) => void,
): ReturnType<typeof httpRequest> {
  const { host, target, socketPath, secure } = address;
  const where = socketPath === undefined ? { host, port: target.slice(target.lastIndexOf(':') + 1) } : { socketPath };
  // No agent: a pooled connection would outlive the store.
  const options: RequestOptions = { ...where, path: '/version', headers, agent: false };
  return secure
    ? httpsRequest({ ...options, ...tlsOptions(host, security(), 'http/1.1') }, onResponse)
    : httpRequest(options, onResponse);
}

function parse(body: string): ServedVersions | undefined {
  try {
    const { etcdserver, etcdcluster } = JSON.parse(body) as { etcdserver?: unknown; etcdcluster?: unknown };
    if (typeof etcdserver !== 'string' || !VERSION.test(etcdserver)) return undefined;
    const cluster = typeof etcdcluster === 'string' && VERSION.test(etcdcluster) ? etcdcluster : undefined;
    return { server: etcdserver, cluster };
  } catch {
    return undefined; // Not JSON, or `null`.
  }
}
