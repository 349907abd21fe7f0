import { connect, type Socket } from 'node:net';
import { Pipe, type PipeRules } from './pipe.js';

/** What a connection needs of its proxy. */
export interface ConnectionRules {
  readonly toClient: PipeRules;
  readonly toServer: PipeRules;
  /** In a black hole the ends of a connection don't hear of each other's end either. */
  readonly held: () => boolean;
  /** Asked once for each connection, when it is served. */
  readonly target: (connection: Connection) => { readonly host: string; readonly port: number };
  readonly onClosed: (connection: Connection) => void;
}

type State =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'open'; readonly server: Socket; readonly pipes: readonly Pipe[] }
  | { readonly kind: 'closed' };

/** One client's connection, and the one to the server that belongs to it. */
export class Connection {
  readonly #client: Socket;
  readonly #rules: ConnectionRules;
  #state: State = { kind: 'waiting' };
  // A side that closed while the wire was held; the other side is told when it is released.
  #closedWhileHeld = false;
  #abandoned = false;

  constructor(client: Socket, rules: ConnectionRules) {
    this.#client = client;
    this.#rules = rules;
    client.setNoDelay(true);
    client.pause();
    this.#watch(client);
    this.wake();
  }

  get isClosed(): boolean {
    return this.#state.kind === 'closed';
  }

  /** Forwards nothing any more, not even an end, whatever the proxy's rules become. */
  abandon(): void {
    this.#abandoned = true;
    this.wake();
  }

  /** The proxy's rules changed: do what is allowed now. */
  wake(): void {
    if (this.#isHeld()) {
      // Pipes still have to stop reading.
      if (this.#state.kind === 'open') for (const pipe of this.#state.pipes) pipe.pump();
      return;
    }
    if (this.#closedWhileHeld) {
      this.destroy();
      return;
    }
    if (this.#state.kind === 'waiting') this.#open();
    if (this.#state.kind === 'open') for (const pipe of this.#state.pipes) pipe.pump();
  }

  /** Ends both sides at once: with a FIN, or with a reset where `reset` is set. */
  destroy(reset = false): void {
    const state = this.#state;
    if (state.kind === 'closed') return;
    this.#state = { kind: 'closed' };
    const sockets = [this.#client];
    if (state.kind === 'open') {
      for (const pipe of state.pipes) pipe.stop();
      sockets.push(state.server);
    }
    for (const socket of sockets) {
      if (reset && canBeReset(socket)) socket.resetAndDestroy();
      else socket.destroy();
    }
    this.#rules.onClosed(this);
  }

  #open(): void {
    const { toClient, toServer, target } = this.#rules;
    const server = connect({ ...target(this), allowHalfOpen: true, noDelay: true });
    this.#watch(server);
    const held = () => this.#isHeld();
    const pipes = [
      new Pipe(server, this.#client, { ...toClient, held }),
      new Pipe(this.#client, server, { ...toServer, held }),
    ];
    this.#state = { kind: 'open', server, pipes };
  }

  #watch(socket: Socket): void {
    let failed = false;
    socket.on('error', () => {
      failed = true;
    });
    socket.on('close', () => {
      if (this.#isHeld()) this.#closedWhileHeld = true;
      // An orderly end has gone through the pipes, which end the other side when the last byte is out.
      else if (failed || this.#bothClosed()) this.destroy(failed);
    });
  }

  #isHeld(): boolean {
    return this.#abandoned || this.#rules.held();
  }

  #bothClosed(): boolean {
    return this.#client.closed && (this.#state.kind !== 'open' || this.#state.server.closed);
  }
}

/**
 * Whether Node can reset a socket. While its end is being sent it can't: the handle then stays open for ever, says nothing, and the process spins
 * when it ends (seen on Node 20).
 */
function canBeReset({ connecting, writableEnded, writableFinished }: Socket): boolean {
  return !connecting && (!writableEnded || writableFinished);
}
