import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * The network between the members of a cluster: a proxy in front of each member's peer port, which learns from what etcd sends
 * (`X-PeerURLs`) which member is at the other end of a connection. Members are named by their place in `etcd.members`.
 */
export interface MemberLinks {
  /** Cuts two members off from each other, both ways: connections end, and new ones come to nothing. */
  cut(one: number, other: number): void;
  /** Cuts one member off from all others. */
  isolate(member: number): void;
  /** All links work again. */
  heal(): void;
  /** Open connections over which the two talk to each other; none over a link that is cut. */
  connectionsBetween(one: number, other: number): number;
}

/** Where the members are told that a peer listens, and where it does. */
export interface LinkPorts {
  readonly advertised: number;
  readonly listening: number;
}

const SENDER = /x-peerurls:\s*(\S+)/i;
/** Longer than the header, so that one which two chunks share is seen. */
const OVERLAP = 256;

interface Linked {
  readonly to: number;
  /** Known once it has sent a request that says so. */
  from: number | undefined;
  readonly sockets: readonly [Socket, Socket];
}

/** See {@link MemberLinks}. */
export class LinkProxies implements MemberLinks {
  readonly #ports: readonly LinkPorts[];
  readonly #servers: Server[] = [];
  readonly #connections = new Set<Linked>();
  readonly #cut = new Set<string>();

  static async start(ports: readonly LinkPorts[]): Promise<LinkProxies> {
    const links = new LinkProxies(ports);
    for (const to of ports.keys()) await links.#listen(to);
    return links;
  }

  private constructor(ports: readonly LinkPorts[]) {
    this.#ports = ports;
  }

  cut(one: number, other: number): void {
    this.#cut.add(linkName(one, other));
    for (const linked of this.#connections) {
      // One that nobody is known to talk over yet is opened anew by whoever did.
      if (linked.from === undefined ? [one, other].includes(linked.to) : this.#isCut(linked)) end(linked);
    }
  }

  isolate(member: number): void {
    for (const other of this.#ports.keys()) if (other !== member) this.cut(member, other);
  }

  heal(): void {
    this.#cut.clear();
  }

  connectionsBetween(one: number, other: number): number {
    const name = linkName(one, other);
    return [...this.#connections].filter(({ from, to }) => from !== undefined && linkName(from, to) === name).length;
  }

  async close(): Promise<void> {
    for (const linked of this.#connections) end(linked);
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  async #listen(to: number): Promise<void> {
    const server = createServer({ noDelay: true }, (client) => {
      this.#accept(client, to);
    });
    this.#servers.push(server);
    // A cluster left open by a test must not keep the test process alive.
    server.unref();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port: this.#ports[to]?.advertised, host: '127.0.0.1' }, resolve);
    });
  }

  #accept(client: Socket, to: number): void {
    const server = connect({ port: this.#ports[to]?.listening ?? 0, host: '127.0.0.1', noDelay: true });
    const linked: Linked = { to, from: undefined, sockets: [client, server] };
    this.#connections.add(linked);
    for (const socket of linked.sockets) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        end(linked);
        this.#connections.delete(linked);
      });
    }
    let seen = '';
    client.on('data', (chunk: Buffer) => {
      if (linked.from === undefined) {
        seen = seen.slice(-OVERLAP) + chunk.toString('latin1');
        linked.from = this.#senderIn(seen);
      }
      if (this.#isCut(linked)) end(linked);
      else if (!server.write(chunk)) client.pause();
    });
    server.on('drain', () => client.resume());
    server.pipe(client);
    client.on('end', () => server.end());
  }

  #senderIn(text: string): number | undefined {
    const url = SENDER.exec(text)?.[1];
    const from = this.#ports.findIndex(({ advertised }) => url?.includes(`:${advertised}`) === true);
    return from === -1 ? undefined : from;
  }

  #isCut({ from, to }: Linked): boolean {
    return from !== undefined && this.#cut.has(linkName(from, to));
  }
}

function end({ sockets }: Linked): void {
  for (const socket of sockets) socket.destroy();
}

function linkName(one: number, other: number): string {
  return one < other ? `${one}-${other}` : `${other}-${one}`;
}
