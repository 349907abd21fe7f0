import type { Socket } from 'node:net';
import { isStoreError, StoreError } from '@holdfast/store';
import { buildConnector } from 'undici';
import { releasedSocket, serverIdentity, type EndpointAddress, type Security } from '@holdfast/etcd-common';
import type { Addresses } from './addresses.js';

export interface ConnectorOptions {
  readonly connectMs: number;
  /** Called for each new connection, so certificates can change. */
  readonly security: () => Security;
  readonly keepalive: { readonly intervalMs: number } | undefined;
  /** The addresses of the endpoint's name. */
  readonly addresses: Addresses;
}

/** Begins to connect, as undici's connectors do. Gives the socket that is being connected; `undefined` if that has failed already. */
export type Dial = (...args: Parameters<buildConnector.connector>) => Socket | undefined;

/** Makes the connections to an endpoint. */
export function createConnector(address: EndpointAddress, options: ConnectorOptions): Dial {
  const { connectMs, keepalive, addresses } = options;
  const base = {
    timeout: connectMs,
    // TCP keepalive checks a single connection. `Keepalive` checks whether the server itself answers.
    keepAlive: true,
    keepAliveInitialDelay: keepalive?.intervalMs ?? 60_000,
    ...(address.socketPath === undefined && { lookup: addresses.lookup }),
  };
  if (!address.secure) {
    return dialWith({ ...base, ...(address.socketPath !== undefined && { socketPath: address.socketPath }) });
  }
  let last: { readonly security: Security; readonly dial: Dial } | undefined;
  return (target, callback) => {
    try {
      const security = options.security();
      if (last?.security !== security) {
        const { context: secureContext, serverName, rejectUnauthorized } = security;
        const { servername, checkServerIdentity } = serverIdentity(address.host, serverName);
        const dial = dialWith({ ...base, secureContext, rejectUnauthorized, servername, checkServerIdentity });
        last = { security, dial };
      }
      // Without a name to ask for, undici would ask for that of `host`.
      return last.dial({ ...target, host: '' }, (...[error, socket]) => {
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
      // The function's error may hold secrets, so it is kept as the cause and not repeated.
      const why = isStoreError(cause) ? cause.message : 'the function given as option tls failed';
      // As after a refused certificate, calls fail at once, and watches wait.
      const options = { cause, endpoint: address.name, retryable: false };
      callback(new StoreError('unavailable', `${address.name}: ${why}`, options), null);
      return undefined;
    }
  };
}

function dialWith(options: buildConnector.BuildOptions): Dial {
  // undici's types leave out the socket that its connectors return.
  const dial = buildConnector(options) as Dial;
  return (target, callback) => {
    const socket = dial(target, callback);
    return socket && releasedSocket(socket);
  };
}
