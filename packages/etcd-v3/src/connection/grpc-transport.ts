import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from 'node:http2';
import type { ChannelInterface, Metadata } from '@grpc/grpc-js';
import type { CallStatus } from './call-status.js';

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

/** The parts of gRPC's channel by which it sends a call. They are its own matter, so none of them is taken for granted. */
interface ChannelParts {
  readonly internalChannel?: Partial<InternalChannel>;
}

interface InternalChannel {
  readonly defaultAuthority: string;
  doPick(metadata: Metadata, extra: object): { readonly subchannel?: Subchannel | null } | undefined;
  /** Without them, a channel with running calls counts as idle after half an hour, and closes its connection. */
  onCallStart(): void;
  onCallEnd(status: CallStatus): void;
}

interface Subchannel {
  getRealSubchannel?(): { readonly transport?: Partial<Transport> | null };
}

interface Transport {
  readonly session: ClientHttp2Session;
  readonly userAgent: string;
  addActiveCall(call: TransportCall): void;
  removeActiveCall(call: TransportCall): void;
  handleDisconnect(): void;
}

const NO_PICK_INFO = {};

/** @returns `undefined` where the channel is not connected, or is not made as it is known here */
export function openStream(channel: ChannelInterface, path: string, metadata: Metadata): OpenedStream | undefined {
  const { internalChannel } = channel as unknown as ChannelParts;
  if (!isChannel(internalChannel)) return undefined;
  const transport = internalChannel.doPick(metadata, NO_PICK_INFO)?.subchannel?.getRealSubchannel?.().transport;
  if (!isTransport(transport)) return undefined;
  const headers: OutgoingHttpHeaders = metadata.toHttp2Headers();
  headers[':authority'] = internalChannel.defaultAuthority;
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
      internalChannel.onCallStart();
      transport.addActiveCall(call);
    },
    end: (call, status) => {
      transport.removeActiveCall(call);
      internalChannel.onCallEnd(status);
    },
  };
}

function isChannel(channel: Partial<InternalChannel> | undefined): channel is InternalChannel {
  return (
    typeof channel?.defaultAuthority === 'string' &&
    typeof channel.doPick === 'function' &&
    typeof channel.onCallStart === 'function' &&
    typeof channel.onCallEnd === 'function'
  );
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
