import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server on a port of its own of this machine. */
export interface Listening extends AsyncDisposable {
  /** Such as `127.0.0.1:8080`. */
  readonly endpoint: string;
  /** Ends all connections, and every new one at once. */
  readonly cut: () => void;
  readonly heal: () => void;
}

export async function listen(server: Server): Promise<Listening> {
  let isCut = false;
  server.on('connection', (socket) => {
    if (isCut) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `127.0.0.1:${port}`,
    cut: () => {
      isCut = true;
      server.closeAllConnections();
    },
    heal: () => {
      isCut = false;
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
