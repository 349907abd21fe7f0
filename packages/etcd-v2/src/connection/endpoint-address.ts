import { StoreError } from '@holdfast/store';

/** One member's address, checked. */
export interface EndpointAddress {
  /** As the user wrote it; what errors name. */
  readonly name: string;
  /** Scheme, host and port, as HTTP wants them. */
  readonly origin: string;
  /** Set where the member is reached through a unix socket. */
  readonly socketPath: string | undefined;
  readonly secure: boolean;
}

const DEFAULT_PORT = '2379';
// A host name, an IPv4 address, or an IPv6 address in brackets; then perhaps a port.
const HOST_PORT = /^(?<host>\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(?::(?<port>\d{1,5}))?\/?$/;

/**
 * Reads `http://host[:port]`, `https://host[:port]`, `unix:/path` and `unix:///path`. The port is 2379 unless told.
 *
 * @throws StoreError `invalid-argument`; the message repeats no user name or password.
 */
export function parseEndpoint(endpoint: unknown): EndpointAddress {
  if (typeof endpoint !== 'string') throw invalid('endpoints must be strings such as http://127.0.0.1:2379');
  const [, scheme = '', rest = ''] = /^([a-z]+):(.*)$/s.exec(endpoint) ?? [];
  switch (scheme) {
    case 'http':
    case 'https':
      return {
        name: endpoint,
        origin: `${scheme}://${hostAndPort(endpoint, rest)}`,
        socketPath: undefined,
        secure: scheme === 'https',
      };
    case 'unix': {
      const path = rest.replace(/^\/\/(?=\/)/, '');
      if (path === '' || path.startsWith('//')) {
        throw invalid(`endpoint ${JSON.stringify(endpoint)} has no socket path; write unix:/path/to/socket`);
      }
      return { name: endpoint, origin: 'http://localhost', socketPath: path, secure: false };
    }
    default:
      throw invalid(
        endpoint.includes('@')
          ? 'an endpoint must start with http://, https:// or unix:, and a user and password go into the option auth'
          : `endpoint ${JSON.stringify(endpoint)} must start with http://, https:// or unix:, such as http://127.0.0.1:2379`,
      );
  }
}

/** What tells two addresses of one server from those of two. */
export function addressKey({ origin, socketPath }: EndpointAddress): string {
  return socketPath === undefined ? origin : `unix:${socketPath}`;
}

function hostAndPort(endpoint: string, rest: string): string {
  if (rest.includes('@')) throw invalid('an endpoint must not hold a user and password; pass them in the option auth');
  const match = rest.startsWith('//') ? HOST_PORT.exec(rest.slice(2)) : null;
  const { host, port = DEFAULT_PORT } = match?.groups ?? {};
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) {
    throw invalid(
      `endpoint ${JSON.stringify(endpoint)} must be a scheme, a host and a port, such as http://127.0.0.1:2379, without a path`,
    );
  }
  return `${host}:${port}`;
}

function invalid(message: string): StoreError {
  return new StoreError('invalid-argument', message);
}
