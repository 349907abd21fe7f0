import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';

/** How a TLS client names the server, and which name it expects in the certificate. */
export interface ServerIdentity {
  /** The name that the client asks for (SNI). Empty: it asks for none. */
  readonly servername: string;
  /** As `tls.connect` takes it: checks a certificate, a `PeerCertificate` of `node:tls`. */
  readonly checkServerIdentity: (name: string, certificate: object) => Error | undefined;
}

/**
 * The identity of a server, by `tls.serverName` or else by the endpoint's host. SNI has neither IP addresses nor the dot at the end of an
 * absolute name (RFC 6066): Go's servers end a handshake with such a dot.
 */
export function serverIdentity(host: string, serverName: string | undefined): ServerIdentity {
  const expected = (serverName ?? host).replace(/\.$/, '');
  return {
    servername: isIP(expected) === 0 ? expected : '',
    checkServerIdentity: (_name, certificate) => checkServerIdentity(expected, certificate as PeerCertificate),
  };
}
