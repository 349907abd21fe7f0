import {
  Channel,
  Client,
  connectivityState,
  status as grpcStatus,
  type ChannelInterface,
  type ChannelOptions,
  type Metadata,
} from '@grpc/grpc-js';
import { definitionOf, pathOf, type Definition } from './definitions.js';
import type { RunningCall } from './direct-call.js';
import { streamDirectly } from './direct-stream.js';
import { followDialling } from './dialled-sockets.js';
import { streamThroughLayers } from './layered-stream.js';
import type { RawStream, RawStreamHandlers } from './raw-stream.js';
import { EndpointCredentials } from './socket-security.js';
import type { EndpointAddress } from '@holdfast/etcd-common';
import { inThisTurn } from '@holdfast/store/adapter';
import { badAnswer } from '../protobuf/bad-answer.js';
import type { ResolvedOptions } from '../options.js';
import type { Rpc, StreamRpc } from './rpc.js';
import { callUnary, failureOf, type UnaryDone } from './unary-call.js';

/** No limit of ours: the servers have theirs. */
const MAX_REQUEST_BYTES = 2 ** 31 - 1;

/** As much as a list page, so that the server never waits for the window inside one (measured: a third of the time). */
const FLOW_CONTROL_WINDOW = 16 * 1024 * 1024;

export type ChannelOptionSource = Pick<ResolvedOptions, 'keepalive' | 'security' | 'maxResponseBytes'>;

/** What a call on a closed channel fails with: nothing was sent. */
export const CLOSED = { code: grpcStatus.UNAVAILABLE, details: 'the connection was closed before the call was sent' };

/**
 * One connection to one member: a gRPC channel with options of ours. A channel is for one connection; after that breaks,
 * the endpoint makes another.
 */
export class EtcdChannel {
  readonly #channel: ChannelInterface;
  readonly #client: Client;
  readonly #maxResponseBytes: number;
  readonly #credentials: EndpointCredentials;
  #closed = false;
  /** The cluster that it has shown to reach; `undefined` until it has, or where it does not tell. */
  identity: string | undefined;
  /** The user's token that the server has answered over this connection. */
  token: string | undefined;
  /**
   * It was made in place of one whose member had no leader, or lagged, and may reach that member again: calls that need
   * a leader say so, and are refused at once. Without that a member waits for a leader for seconds.
   */
  isDoubtful = false;
  /** Ranges don't come in chunks over it: its server is older than 3.7, or what is between does not pass them on. */
  lacksRangeStream = false;

  constructor(address: EndpointAddress, options: ChannelOptionSource) {
    this.#credentials = new EndpointCredentials(address, options.security());
    const channel = new Channel(address.target, this.#credentials, channelOptions(options));
    followDialling(
      channel,
      () => !this.isClosed,
      (socket) => {
        this.#credentials.track(socket);
      },
    );
    this.#channel = channel;
    this.#maxResponseBytes = options.maxResponseBytes;
    this.#client = new Client(address.target, this.#credentials, { channelOverride: this.#channel });
  }

  /** Starts to connect, and calls back on each change of state until the channel is closed. */
  connect(onState: (state: connectivityState) => void): void {
    const follow = (state: connectivityState): void => {
      this.#channel.watchConnectivityState(state, Infinity, () => {
        const next = this.#channel.getConnectivityState(false);
        if (next === connectivityState.SHUTDOWN) return;
        follow(next);
        onState(next);
      });
    };
    // Not before this has returned: gRPC may tell a state at once.
    inThisTurn(() => {
      if (!this.isClosed) follow(this.#channel.getConnectivityState(true));
    });
  }

  /** One call. On a closed channel it fails like any other, after this returned: gRPC itself would throw. */
  unary<Request, Response>(
    rpc: Rpc<Request, Response>,
    request: Request,
    metadata: Metadata,
    done: UnaryDone<Response>,
  ): RunningCall {
    if (this.isClosed) {
      inThisTurn(() => {
        done(failureOf(CLOSED), undefined);
      });
      return { cancel: () => undefined };
    }
    const { path, requestSerialize } = this.definition(rpc);
    const codec = { path, requestSerialize, responseDeserialize: this.decoder(rpc) };
    return callUnary(
      { channel: this.#channel, client: this.#client, maxResponseBytes: this.#maxResponseBytes },
      { ...codec, request, metadata },
      done,
    );
  }

  /** Begins a call of a streaming method, whose caller does its own encoding and decoding. */
  stream(rpc: StreamRpc, metadata: Metadata, handlers: RawStreamHandlers): RawStream {
    const { cut } = rpc;
    const request = { path: pathOf(rpc), metadata, maxResponseBytes: this.#maxResponseBytes, cut };
    return streamDirectly(this.#channel, request, handlers) ?? streamThroughLayers(this.#channel, request, handlers);
  }

  /** A method's path and codec. Whoever makes a call has waited until they are known. */
  definition<Request, Response>(rpc: Rpc<Request, Response>): Definition<Request, Response> {
    const definition = definitionOf(rpc);
    if (definition === undefined)
      throw new Error(`the method ${rpc.method} was called before its definition was loaded`);
    return definition as Definition<Request, Response>;
  }

  /** How a method's answers are decoded. @throws StoreError `internal` for one that is longer than etcd's */
  decoder<Request, Response>(rpc: Rpc<Request, Response>): (bytes: Buffer) => Response {
    const decode = rpc.decode ?? this.definition(rpc).responseDeserialize;
    const { maxBytes = Infinity } = rpc;
    return (bytes) => {
      if (bytes.length > maxBytes) throw badAnswer(`etcd sent ${bytes.length} bytes in answer to ${rpc.method}`);
      return decode(bytes);
    };
  }

  /** Whether it was closed: a call that begins only now would never end, and keep the process alive with a timer of gRPC's. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Lets calls under way end by themselves; new ones fail. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#shutDown();
  }

  /** Whether any socket is open still, which {@link destroy} would end. */
  get lingers(): boolean {
    return this.#credentials.open;
  }

  /** Ends everything now. */
  destroy(): void {
    this.close();
    this.#credentials.destroySockets();
  }

  /**
   * Closes gRPC's channel, and each time that it begins again by itself. An address that it looked up before, or a call that waited, makes
   * a closed channel connect: for ever, in pauses of up to two minutes.
   */
  #shutDown(): void {
    this.#channel.watchConnectivityState(connectivityState.SHUTDOWN, Infinity, () => {
      // Not before gRPC is done with what it just began.
      inThisTurn(() => {
        this.#shutDown();
      });
    });
    this.#channel.close();
  }
}

function channelOptions({ keepalive, maxResponseBytes }: ChannelOptionSource): ChannelOptions {
  return {
    'grpc.max_receive_message_length': maxResponseBytes,
    'grpc.max_send_message_length': MAX_REQUEST_BYTES,
    'grpc-node.flow_control_window': FLOW_CONTROL_WINDOW,
    // Not even a "transparent" retry: whether a write may be repeated is decided here, and nowhere else (docs/traps.md#trap-9).
    'grpc.enable_retries': 0,
    // The connection is this store's own: it ends with it, and another store's watches don't share its fate.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.service_config_disable_resolution': 1,
    // A name with several addresses: a new connection in place of a bad one must not always try the same one first.
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ pick_first: { shuffleAddressList: true } }] }),
    // Etcd is reached directly, as Node's own HTTP client would; environment variables don't reroute it.
    'grpc.enable_http_proxy': 0,
    'grpc.enable_channelz': 0,
    ...(keepalive === undefined
      ? {}
      : {
          'grpc.keepalive_time_ms': keepalive.intervalMs,
          'grpc.keepalive_timeout_ms': keepalive.timeoutMs,
          // Only while calls or watches are open: etcd takes pings on an idle connection for an attack.
          'grpc.keepalive_permit_without_calls': 0,
        }),
  };
}
