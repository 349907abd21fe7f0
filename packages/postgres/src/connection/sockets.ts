import { Socket } from 'node:net';

/**
 * The sockets of a store's connections, known from the moment when they begin to connect. `pg` itself waits for the server at each end of a
 * connection: a server that is silent would keep a closed store waiting, and the process alive.
 */
export class Sockets {
  readonly #open = new Set<Socket>();

  /** A new one, as the option `stream` of `pg` wants it. */
  readonly make = (): Socket => {
    const socket = new Socket();
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    return socket;
  };

  /** Ends all of them now. What was written before is still sent. */
  end(): void {
    for (const socket of this.#open) {
      if (socket.connecting) socket.destroy();
      else socket.destroySoon();
    }
  }
}
