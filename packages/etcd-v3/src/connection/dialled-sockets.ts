import { connect, type Socket, type TcpNetConnectOpts, type IpcNetConnectOpts } from 'node:net';
import type { Channel } from '@grpc/grpc-js';

/** The parts of gRPC's channel that make its sockets. They are its own matter, so none of them is taken for granted. */
interface ChannelParts {
  readonly internalChannel?: {
    readonly subchannelPool?: {
      getOrCreateSubchannel?: (...args: unknown[]) => {
        readonly connector?: { tcpConnect?: (address: TcpNetConnectOpts | IpcNetConnectOpts) => Promise<Socket> };
      };
    };
  };
}

/**
 * Makes the channel's sockets known from the moment when they begin to connect. gRPC itself knows a socket only once it is connected: one
 * whose packets are swallowed keeps the process alive for minutes, even after the channel was closed.
 *
 * @param mayDial whether the channel may connect at all: gRPC's own begins again at times after it was closed
 * @param onSocket gets each new socket, and may destroy it
 */
export function followDialling(channel: Channel, mayDial: () => boolean, onSocket: (socket: Socket) => void): void {
  const pool = (channel as unknown as ChannelParts).internalChannel?.subchannelPool;
  const create = pool?.getOrCreateSubchannel?.bind(pool);
  if (pool === undefined || create === undefined) return;
  pool.getOrCreateSubchannel = (...args) => {
    const subchannel = create(...args);
    const { connector } = subchannel;
    if (connector?.tcpConnect !== undefined) {
      connector.tcpConnect = (address) =>
        mayDial() ? dial(address, onSocket) : Promise.reject(new Error('the channel is closed'));
    }
    return subchannel;
  };
}

function dial(address: TcpNetConnectOpts | IpcNetConnectOpts, onSocket: (socket: Socket) => void): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => {
      reject(new Error('Socket closed'));
    };
    const socket = connect(address, () => {
      socket.off('close', onClose);
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('close', onClose);
    socket.once('error', reject);
    onSocket(socket);
  });
}
