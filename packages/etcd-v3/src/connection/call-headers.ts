import type { Metadata } from '@grpc/grpc-js';
import type { EtcdChannel } from './etcd-channel.js';
import type { StreamRpc } from './rpc.js';

const NO_HEADERS: Readonly<Record<string, string>> = {};
const HAS_LEADER: Readonly<Record<string, string>> = { hasleader: 'true' };

/** Calls that need a leader say so where the connection is a second choice: see {@link EtcdChannel.isDoubtful}. */
export function headersFor(
  channel: EtcdChannel,
  { service }: StreamRpc,
  request: unknown,
): Readonly<Record<string, string>> {
  if (!channel.isDoubtful || service === 'Maintenance' || service === 'Cluster') return NO_HEADERS;
  const { serializable } = request as { readonly serializable?: boolean };
  return serializable === true ? NO_HEADERS : HAS_LEADER;
}

/** The metadata with these headers. What calls share is not changed. */
export function withHeaders(metadata: Metadata, headers: Readonly<Record<string, string>>): Metadata {
  if (headers === NO_HEADERS) return metadata;
  const own = metadata.clone();
  for (const [name, value] of Object.entries(headers)) own.set(name, value);
  return own;
}
