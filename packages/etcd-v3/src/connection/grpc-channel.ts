import type { ChannelInterface, Metadata } from '@grpc/grpc-js';
import type { CallStatus } from './call-status.js';

/** What a call needs that does not go through gRPC's client. */
export interface Picked<Subchannel> {
  readonly channel: InternalChannel<Subchannel>;
  /** A connected one. */
  readonly subchannel: Subchannel;
}

/** The parts of gRPC's channel by which it sends a call. They are its own matter, so none of them is taken for granted. */
interface ChannelParts<Subchannel> {
  readonly internalChannel?: Partial<InternalChannel<Subchannel>>;
}

interface InternalChannel<Subchannel> {
  readonly defaultAuthority: string;
  doPick(metadata: Metadata, extra: object): { readonly subchannel?: Wrapped<Subchannel> | null } | undefined;
  /** Without this and `onCallEnd`, a channel with running calls counts as idle after half an hour, and closes its connection. */
  onCallStart(): void;
  onCallEnd(status: CallStatus): void;
}

interface Wrapped<Subchannel> {
  getRealSubchannel?(): Subchannel;
}

const NO_PICK_INFO = {};

/**
 * Picks the subchannel for a call. What it has is for the caller to check: `Subchannel` has only optional members.
 *
 * @returns `undefined` where the channel is not connected, or is not made as it is known here
 */
export function pickSubchannel<Subchannel>(
  channel: ChannelInterface,
  metadata: Metadata,
): Picked<Subchannel> | undefined {
  const { internalChannel } = channel as unknown as ChannelParts<Subchannel>;
  if (!isChannel(internalChannel)) return undefined;
  const subchannel = internalChannel.doPick(metadata, NO_PICK_INFO)?.subchannel?.getRealSubchannel?.();
  return subchannel && { channel: internalChannel, subchannel };
}

function isChannel<Subchannel>(
  channel: Partial<InternalChannel<Subchannel>> | undefined,
): channel is InternalChannel<Subchannel> {
  return (
    typeof channel?.defaultAuthority === 'string' &&
    typeof channel.doPick === 'function' &&
    typeof channel.onCallStart === 'function' &&
    typeof channel.onCallEnd === 'function'
  );
}
