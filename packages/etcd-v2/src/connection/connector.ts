import { isStoreError, StoreError } from '@holdfast/store';
import { buildConnector } from 'undici';
import type { EndpointAddress, Security } from '@holdfast/etcd-common';
import type { Addresses } from './addresses.js';

export interface ConnectorOptions {
  readonly connectMs: number;
  /** Asked for each new connection, so that certificates can change while the store lives. */
  readonly security: () => Security;
  readonly keepalive: { readonly intervalMs: number } | undefined;
  /** The addresses of the endpoint's name. */
  readonly addresses: Addresses;
}

/** How connections to an endpoint are made. */
export function createConnector(address: EndpointAddress, options: ConnectorOptions): buildConnector.connector {
  const { connectMs, keepalive, addresses } = options;
  const base = {
    timeout: connectMs,
    // The kernel's own look at a single connection; whether the server is there at all is asked by `Keepalive`.
    keepAlive: true,
    keepAliveInitialDelay: keepalive?.intervalMs ?? 60_000,
    ...(address.socketPath === undefined && { lookup: addresses.lookup }),
  };
  if (!address.secure) {
    return buildConnector({ ...base, ...(address.socketPath !== undefined && { socketPath: address.socketPath }) });
  }
  let last: { readonly security: Security; readonly connect: buildConnector.connector } | undefined;
  return (target, callback) => {
    try {
      const security = options.security();
      if (last?.security !== security) {
        const { context: secureContext, serverName, rejectUnauthorized } = security;
        const connect = buildConnector({
          ...base,
          secureContext,
          rejectUnauthorized,
          ...(serverName !== undefined && { servername: serverName }),
        });
        last = { security, connect };
      }
      last.connect(target, (...[error, socket]) => {
        if (error !== null) {
          callback(error, null);
          return;
        }
        // TLS 1.3 tells after the handshake that a client certificate is refused. Unless the socket ends with that, undici
        // takes the close that follows for the reason.
        socket.once('error', (refusal: Error) => socket.destroy(refusal));
        callback(null, socket);
      });
    } catch (cause) {
      // What the user's function threw may hold anything, so it is kept as the cause and not repeated.
      const why = isStoreError(cause) ? cause.message : 'the function given as option tls failed';
      // As with a certificate that is refused: a call need not wait for it, and a watch does.
      const options = { cause, endpoint: address.name, retryable: false };
      callback(new StoreError('unavailable', `${address.name}: ${why}`, options), null);
    }
  };
}
