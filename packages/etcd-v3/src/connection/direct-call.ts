import { status as grpcStatus, type ChannelInterface, Metadata, type StatusObject } from '@grpc/grpc-js';
import { decompress, type Unreadable } from './decompress.js';

/** A unary call under way. */
export interface RunningCall {
  cancel(): void;
}

export interface DirectRequest {
  readonly path: string;
  readonly metadata: Metadata;
  /** The message, encoded. */
  readonly message: Buffer;
  /** The longest message of an answer, once it is unpacked. The channel itself refuses longer ones as they come. */
  readonly maxResponseBytes: number;
}

/** No handler is called before {@link callDirectly} has returned. */
export interface DirectHandlers {
  onHead(head: Metadata): void;
  /** Called once, and last. `message` is there if the status is OK. */
  onEnd(status: StatusObject, message: Buffer | undefined): void;
}

/** The parts of gRPC's channel that send a call. They are its own matter, so none of them is taken for granted. */
interface ChannelParts {
  readonly internalChannel?: {
    readonly defaultAuthority?: unknown;
    doPick?(metadata: Metadata, extra: object): { readonly subchannel?: Wrapped | null } | undefined;
    /** Without them, a channel with running calls counts as idle after half an hour, and closes its connection. */
    onCallStart?(): void;
    onCallEnd?(status: StatusObject): void;
  };
}

interface Wrapped {
  getRealSubchannel?(): {
    createCall?(metadata: Metadata, host: string, path: string, listener: Listener, id: number): TransportCall;
  };
}

/** A call on the connection. Its messages have gRPC's head: a byte that says whether it is compressed, and the length. */
interface TransportCall {
  cancelWithStatus(code: grpcStatus, details: string): void;
  startRead(): void;
  sendMessageWithContext(context: object, framed: Buffer): void;
  halfClose(): void;
}

interface Listener {
  onReceiveMetadata(head: Metadata): void;
  onReceiveMessage(framed: Buffer): void;
  onReceiveStatus(status: StatusObject): void;
}

const HEAD_BYTES = 5;
const COMPRESSED = 1;
const CHANNEL_PARTS = ['doPick', 'onCallStart', 'onCallEnd'] as const;
const CALL_PARTS = ['cancelWithStatus', 'startRead', 'sendMessageWithContext', 'halfClose'] as const;
const NO_TRAILERS = new Metadata();
const NO_CONTEXT = {};
const NO_PICK_INFO = {};

/**
 * Sends a unary call on the channel's connection itself. gRPC's client puts five more layers between: for interceptors, deadlines,
 * retries, compression and call credentials. No call of ours has any of these, and they take more CPU than the call.
 *
 * @returns `undefined` where that can't be done, and nothing was sent: gRPC's client then says why, or finds a way
 */
export function callDirectly(
  channel: ChannelInterface,
  { path, metadata, message, maxResponseBytes }: DirectRequest,
  handlers: DirectHandlers,
): RunningCall | undefined {
  const { internalChannel } = channel as unknown as ChannelParts;
  const host = internalChannel?.defaultAuthority;
  if (internalChannel === undefined || typeof host !== 'string') return undefined;
  if (!CHANNEL_PARTS.every((name) => typeof internalChannel[name] === 'function')) return undefined;
  const answer = new Answer(handlers, maxResponseBytes, (status) => {
    internalChannel.onCallEnd?.(status);
  });
  let call: TransportCall | undefined;
  try {
    const subchannel = internalChannel.doPick?.(metadata, NO_PICK_INFO)?.subchannel?.getRealSubchannel?.();
    call = subchannel?.createCall?.(metadata, host, path, answer, 0);
  } catch {
    // It is not connected any more.
    return undefined;
  }
  if (call === undefined || !CALL_PARTS.every((name) => typeof call[name] === 'function')) return undefined;
  answer.call = call;
  internalChannel.onCallStart?.();
  call.startRead();
  call.sendMessageWithContext(NO_CONTEXT, framed(message));
  call.halfClose();
  return {
    cancel: () => {
      call.cancelWithStatus(grpcStatus.CANCELLED, 'cancelled here');
    },
  };
}

/**
 * Collects what a unary call is answered with: one message, and a status. Once that is told it holds on to nothing: Node keeps the stream of
 * each call, with all that hears of it, until V8 next collects its whole heap, and copies it twice until then.
 */
class Answer implements Listener {
  #handlers: DirectHandlers | undefined;
  #onOver: ((status: StatusObject) => void) | undefined;
  readonly #maxBytes: number;
  call: TransportCall | undefined;
  #encoding: string | undefined;
  #message: Buffer | undefined;
  #isUnpacking = false;
  /** How the call ended while its message was being unpacked. */
  #status: StatusObject | undefined;
  #unreadable: Unreadable | undefined;

  constructor(handlers: DirectHandlers, maxBytes: number, onOver: (status: StatusObject) => void) {
    this.#handlers = handlers;
    this.#maxBytes = maxBytes;
    this.#onOver = onOver;
  }

  onReceiveMetadata(head: Metadata): void {
    this.#encoding = head.get('grpc-encoding')[0]?.toString();
    this.#handlers?.onHead(head);
  }

  onReceiveMessage(framed: Buffer): void {
    const { call } = this;
    if (this.#message !== undefined) {
      call?.cancelWithStatus(grpcStatus.UNIMPLEMENTED, 'Too many responses received');
      return;
    }
    this.#message = framed.subarray(HEAD_BYTES);
    if (framed[0] === COMPRESSED) this.#unpack(this.#message);
    // A second message is to be seen.
    call?.startRead();
  }

  #unpack(packed: Buffer): void {
    this.#isUnpacking = true;
    decompress(packed, this.#encoding, this.#maxBytes, (result) => {
      this.#isUnpacking = false;
      if (result instanceof Uint8Array) this.#message = result;
      else this.#unreadable = result;
      if (this.#status !== undefined) this.onReceiveStatus(this.#status);
      else if (this.#unreadable !== undefined)
        this.call?.cancelWithStatus(this.#unreadable.code, this.#unreadable.details);
    });
  }

  onReceiveStatus(status: StatusObject): void {
    if (this.#isUnpacking) {
      this.#status = status;
      return;
    }
    const handlers = this.#handlers;
    const message = this.#message;
    const unreadable = this.#unreadable;
    const onOver = this.#onOver;
    this.#handlers = this.#onOver = this.#message = this.call = undefined;
    onOver?.(status);
    if (status.code !== grpcStatus.OK) handlers?.onEnd(status, undefined);
    else if (unreadable !== undefined) handlers?.onEnd({ ...unreadable, metadata: status.metadata }, undefined);
    else if (message !== undefined) handlers?.onEnd(status, message);
    else {
      const details = 'No message received';
      handlers?.onEnd({ code: grpcStatus.UNIMPLEMENTED, details, metadata: NO_TRAILERS }, undefined);
    }
  }
}

function framed(message: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + message.length);
  bytes[0] = 0;
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, HEAD_BYTES);
  return bytes;
}
