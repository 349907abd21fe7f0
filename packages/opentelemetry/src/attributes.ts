import type { Attributes } from '@opentelemetry/api';
import type { StoreCallEvent } from '@holdfast/store';

/** What is known of a call, by the semantic conventions for databases. */
export function attributesOf({ store, name, endpoint, code }: StoreCallEvent): Attributes {
  return {
    'db.system.name': store,
    'db.operation.name': name,
    ...(endpoint !== undefined && serverOf(endpoint)),
    ...(code !== undefined && { 'error.type': code }),
  };
}

/** The name of a call's span: its operation and, where one is known, its server. */
export function spanNameOf({ name, endpoint }: StoreCallEvent): string {
  const { 'server.address': address, 'server.port': port } = endpoint === undefined ? {} : serverOf(endpoint);
  if (address === undefined) return name;
  return port === undefined ? `${name} ${address}` : `${name} ${address}:${port}`;
}

interface Server {
  readonly 'server.address'?: string;
  readonly 'server.port'?: number;
}

/** An endpoint is a URL, or a host with or without a port. */
function serverOf(endpoint: string): Server {
  const [, host, port] =
    /^(?:[a-z][a-z0-9+.-]*:\/\/)?(\[[^\]]+\]|[^/:?#]+)(?::(\d+))?(?:[/?#].*)?$/i.exec(endpoint) ?? [];
  if (host === undefined) return { 'server.address': endpoint };
  return {
    'server.address': host.replace(/^\[|\]$/g, ''),
    ...(port !== undefined && { 'server.port': Number(port) }),
  };
}
