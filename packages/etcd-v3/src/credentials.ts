import { createSecureContext } from 'node:tls';
import type { Socket } from 'node:net';
import { ChannelCredentials, credentials as grpcCredentials } from '@grpc/grpc-js';
import { StoreError } from '@holdfast/store';
import type { EtcdTlsOptions } from './options.js';

/**
 * How connections to an endpoint are secured. `etcd3`'s own pool knows neither `rejectUnauthorized` nor a server name,
 * so the credentials are made here and handed to it.
 *
 * @throws StoreError `invalid-argument` where a certificate or key can't be read.
 */
export function createCredentials(secure: boolean, tls: EtcdTlsOptions): ChannelCredentials {
  if (!secure) return grpcCredentials.createInsecure();
  try {
    const context = createSecureContext({
      ca: pem(tls.ca),
      cert: pem(tls.cert),
      key: pem(tls.key),
      minVersion: 'TLSv1.2',
    });
    return grpcCredentials.createFromSecureContext(context, { rejectUnauthorized: tls.rejectUnauthorized ?? true });
  } catch (error) {
    // OpenSSL's own words ("no start line", "key values mismatch") name no secret.
    throw new StoreError(
      'invalid-argument',
      `tls: ca, cert and key must be PEM texts that fit: ${(error as Error).message}`,
    );
  }
}

function pem(given: EtcdTlsOptions['ca']): string | Buffer | (string | Buffer)[] | undefined {
  if (given === undefined || typeof given === 'string') return given;
  if (given instanceof Uint8Array) return Buffer.from(given);
  return given.map((part) => (typeof part === 'string' ? part : Buffer.from(part)));
}

type SecureConnector = ReturnType<ChannelCredentials['_createSecureConnector']>;

/**
 * Credentials that remember the sockets they secure. A gRPC channel forgets a connection whose handshake hangs: closing
 * the channel leaves the socket open, for as long as the other side says nothing. These can end it.
 */
export class TrackedCredentials extends ChannelCredentials {
  readonly #inner: ChannelCredentials;
  readonly #sockets = new Set<Socket>();
  #destroyed = false;

  constructor(inner: ChannelCredentials) {
    super();
    this.#inner = inner;
  }

  /** How many connections are open. */
  get size(): number {
    return this.#sockets.size;
  }

  destroySockets(): void {
    this.#destroyed = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  override _isSecure(): boolean {
    return this.#inner._isSecure();
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(...args: Parameters<ChannelCredentials['_createSecureConnector']>): SecureConnector {
    const inner = this.#inner._createSecureConnector(...args);
    return {
      connect: async (socket) => {
        this.#track(socket);
        return inner.connect(socket);
      },
      waitForReady: async () => inner.waitForReady(),
      getCallCredentials: () => inner.getCallCredentials(),
      destroy: () => {
        inner.destroy();
      },
    };
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    if (this.#destroyed) socket.destroy();
  }
}
