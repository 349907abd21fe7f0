import { invalidArgument } from '@holdfast/store/adapter';

/** One member's address, checked. */
export interface EndpointAddress {
  /** As the user wrote it. Errors and statuses name it. */
  readonly name: string;
  /** `host:port` or `unix:/path`. Equal for two spellings of one address. */
  readonly target: string;
  readonly secure: boolean;
  /** The host's name or address, without brackets. Empty for a unix socket. */
  readonly host: string;
  /** Set if the member is reached through a unix socket. */
  readonly socketPath: string | undefined;
}

const DEFAULT_PORT = '2379';
// A host name, an IPv4 address, or an IPv6 address in brackets, and optionally a port.
const HOST_PORT = /^(?<host>\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(?::(?<port>\d{1,5}))?\/?$/;

/**
 * Reads `http://host[:port]`, `https://host[:port]`, `unix:/path` and `unix:///path`. The default port is 2379.
 *
 * @throws StoreError `invalid-argument`; the message repeats no user name or password.
 */
export function parseEndpoint(endpoint: unknown): EndpointAddress {
  if (typeof endpoint !== 'string') throw invalidArgument('endpoints must be strings such as http://127.0.0.1:2379');
  const [, scheme = '', rest = ''] = /^([a-z]+):(.*)$/s.exec(endpoint) ?? [];
  switch (scheme) {
    case 'http':
    case 'https':
      return { name: endpoint, ...hostTarget(endpoint, rest), secure: scheme === 'https', socketPath: undefined };
    case 'unix':
      return { name: endpoint, ...socketTarget(rest), secure: false, host: '' };
    default:
      throw invalidArgument(
        HOLDS_USER.test(endpoint)
          ? 'an endpoint must start with http://, https:// or unix:, and a user and password go into the option auth'
          : 'an endpoint must start with http://, https:// or unix:, such as http://127.0.0.1:2379',
      );
  }
}

/** An @, which may be percent-encoded, ends a user and a password. */
const HOLDS_USER = /@|%40/i;
const NO_USER = 'an endpoint must not hold a user and password; pass them in the option auth';

function hostTarget(endpoint: string, rest: string): { target: string; host: string } {
  if (HOLDS_USER.test(rest)) throw invalidArgument(NO_USER);
  const match = rest.startsWith('//') ? HOST_PORT.exec(rest.slice(2)) : null;
  const { host, port = DEFAULT_PORT } = match?.groups ?? {};
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) {
    throw invalidArgument(
      `${shown(endpoint)} must be a scheme, a host and a port, such as http://127.0.0.1:2379, without path, query and fragment`,
    );
  }
  // Names don't differ by case. A member that was named twice would have two votes on which cluster is the store's.
  return { target: `${host.toLowerCase()}:${Number(port)}`, host: host.replace(/^\[|\]$/g, '') };
}

function socketTarget(rest: string): { target: string; socketPath: string } {
  const path = rest.replace(/^\/\/(?=\/)/, '');
  if (path === '' || path.startsWith('//')) {
    throw invalidArgument('an endpoint unix: needs the path of a socket; write unix:/path/to/socket');
  }
  // A file may have an @ in its name. A colon before it makes it a user and a password.
  if (/:.*(?:@|%40)/is.test(path)) throw invalidArgument(NO_USER);
  if (/[?#\p{Cc}]/u.test(path)) {
    throw invalidArgument('an endpoint unix: is the path of a socket, without ?, # and control characters');
  }
  return { target: `unix:${path}`, socketPath: path };
}

/** The part of a bad endpoint that can't be a secret: its host and port, if what follows them begins as a path or a query does. */
function shown(endpoint: string): string {
  const [start] = /^https?:\/\/[0-9A-Za-z._-]+(?::\d{1,5})?(?=$|[/?#])/.exec(endpoint) ?? [];
  if (start === undefined) return 'an endpoint';
  return `endpoint "${start}${start === endpoint ? '' : '…'}"`;
}

/**
 * Reads the option `endpoints`.
 *
 * @throws StoreError `invalid-argument` if it is no list of different addresses
 */
export function parseEndpoints(endpoints: unknown): readonly EndpointAddress[] {
  if (!Array.isArray(endpoints) || endpoints.length === 0) {
    throw invalidArgument("endpoints must be an array of at least one URL, such as ['http://127.0.0.1:2379']");
  }
  const addresses = endpoints.map(parseEndpoint);
  if (new Set(addresses.map(({ target }) => target)).size < addresses.length) {
    throw invalidArgument('endpoints names one server twice; name each member once');
  }
  return addresses;
}
