import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from 'node:http2';
import type { ChannelInterface, Metadata } from '@grpc/grpc-js';
import type { CallStatus } from './call-status.js';
import { pickSubchannel } from './grpc-channel.js';
import { pingPatiently } from './patient-keepalive.js';

/** A call as gRPC's connection knows it. */
export interface TransportCall {
  /** The connection broke. */
  onDisconnect(): void;
}

/** A stream for one call, on the connection of gRPC's channel. */
export interface OpenedStream {
  readonly stream: ClientHttp2Stream;
  /** Keeps the connection alive and the process running, until the call is over. */
  begin(call: TransportCall): void;
  end(call: TransportCall, status: CallStatus): void;
}

/** The parts of gRPC's connection by which it sends a call. They are its own matter, so none of them is taken for granted. */
interface SubchannelParts {
  readonly transport?: Partial<Transport> | null;
}

interface Transport {
  readonly session: ClientHttp2Session;
  readonly userAgent: string;
  addActiveCall(call: TransportCall): void;
  removeActiveCall(call: TransportCall): void;
  handleDisconnect(): void;
}

/** @returns `undefined` where the channel is not connected, or is not made as it is known here */
export function openStream(channel: ChannelInterface, path: string, metadata: Metadata): OpenedStream | undefined {
  const picked = pickSubchannel<SubchannelParts>(channel, metadata);
  const transport = picked?.subchannel.transport;
  if (picked === undefined || !isTransport(transport)) return undefined;
  // Before its first call, with which pings begin.
  pingPatiently(transport);
  const headers: OutgoingHttpHeaders = metadata.toHttp2Headers();
  headers[':authority'] = picked.channel.defaultAuthority;
  headers['user-agent'] = transport.userAgent;
  headers['content-type'] = 'application/grpc';
  headers[':method'] = 'POST';
  headers[':path'] = path;
  headers['te'] = 'trailers';
  let stream: ClientHttp2Stream;
  try {
    stream = transport.session.request(headers);
  } catch {
    // The connection can't be used any more. gRPC need not have heard of that yet.
    transport.handleDisconnect();
    return undefined;
  }
  return {
    stream,
    begin: (call) => {
      picked.channel.onCallStart();
      transport.addActiveCall(call);
    },
    end: (call, status) => {
      transport.removeActiveCall(call);
      picked.channel.onCallEnd(status);
    },
  };
}

function isTransport(transport: Partial<Transport> | null | undefined): transport is Transport {
  return (
    typeof transport?.session?.request === 'function' &&
    typeof transport.userAgent === 'string' &&
    typeof transport.addActiveCall === 'function' &&
    typeof transport.removeActiveCall === 'function' &&
    typeof transport.handleDisconnect === 'function'
  );
}
