import type { Socket } from 'node:net';
import { connect, type ConnectionOptions } from 'node:tls';
import { CallCredentials, ChannelCredentials } from '@grpc/grpc-js';
import { releasedSocket, serverIdentity, type EndpointAddress, type Security } from '@holdfast/etcd-common';

type SecureConnector = ReturnType<ChannelCredentials['_createSecureConnector']>;

/**
 * The security of one connection. We have our own, because `etcd3`'s pool knows neither `rejectUnauthorized` nor a server name, and
 * because a gRPC channel forgets a connection whose handshake hangs: after the channel is closed, that socket stays open as long as the
 * other side is silent. This class remembers every socket, and can end it.
 */
export class EndpointCredentials extends ChannelCredentials {
  readonly #tls: ConnectionOptions | undefined;
  readonly #sockets = new Set<Socket>();
  #destroyed = false;

  constructor(address: EndpointAddress, security: Security) {
    super();
    if (address.secure) this.#tls = tlsOptions(address.host, security, 'h2');
  }

  /** Whether any socket is open. */
  get open(): boolean {
    return this.#sockets.size > 0;
  }

  destroySockets(): void {
    this.#destroyed = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  override _isSecure(): boolean {
    return this.#tls !== undefined;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(
    ...[, , callCredentials]: Parameters<ChannelCredentials['_createSecureConnector']>
  ): SecureConnector {
    return {
      connect: async (socket) => {
        this.track(socket);
        return this.#tls === undefined
          ? { socket, secure: false }
          : { socket: releasedSocket(await secure(socket, this.#tls)), secure: true };
      },
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => callCredentials ?? CallCredentials.createEmpty(),
      destroy: () => undefined,
    };
  }

  /** To be called with each of the connection's sockets, as early as it is known. */
  track(socket: Socket): void {
    if (this.#sockets.has(socket)) return;
    this.#sockets.add(releasedSocket(socket));
    socket.once('close', () => this.#sockets.delete(socket));
    if (this.#destroyed) socket.destroy();
  }
}

/** The options of a TLS connection to this host, for the given protocol. */
export function tlsOptions(
  host: string,
  { context, serverName, rejectUnauthorized }: Security,
  protocol: 'h2' | 'http/1.1',
): ConnectionOptions {
  return {
    secureContext: context,
    rejectUnauthorized,
    ALPNProtocols: [protocol],
    ...serverIdentity(host, serverName),
  };
}

function secure(socket: Socket, options: ConnectionOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const secured = connect({ ...options, socket }, () => {
      resolve(secured);
    });
    secured.on('error', (error: NodeJS.ErrnoException) => {
      // gRPC keeps only the error's text, so the code must be in it.
      reject(new Error(error.code === undefined ? error.message : `${error.code}: ${error.message}`));
    });
  });
}
