import { checkFunction, checkIterable } from '../check.js';
import type { Connection } from './connection.js';
import { reservePort } from './ports.js';
import { ProxyServer, targetUrl } from './proxy-server.js';
import type { Proxy } from './proxy.js';
import type { ProxyTarget } from './proxy-target.js';

/** Gives the place in the list of targets that the next connection goes to; `turn` counts connections from 0. */
export type BalancerChoice = (turn: number) => number;

/**
 * A TCP load balancer: one endpoint for several servers, each new connection going to one of them. What a {@link Proxy}
 * does to a wire it does to all connections; `serve` takes servers out of it, as a health check would.
 */
export interface Balancer extends Omit<Proxy, 'retarget'> {
  /** Which server each connection went to, by its place in the list of targets. */
  readonly chosen: readonly number[];
  /** Open connections to the server of that place. */
  connectionsTo(target: number): number;
  /** Ends the open connections to the server of that place. New ones may go there. */
  cutTo(target: number): void;
  /** New connections go to these servers only, in turn. By default to all of them. Open connections stay. */
  serve(targets: readonly number[]): void;
  /** New connections go where this says, until `serve` is called. */
  choose(choice: BalancerChoice): void;
}

/** Starts a balancer on 127.0.0.1 in front of servers, which need not be there yet. Connections go to them in turn. */
export async function startBalancer(targets: readonly ProxyTarget[]): Promise<Balancer> {
  return BalancerServer.startBalancer(targets);
}

class BalancerServer extends ProxyServer implements Balancer {
  readonly chosen: number[] = [];
  readonly #open: Map<Connection, number>;
  #choice: BalancerChoice;

  static async startBalancer(targets: readonly ProxyTarget[]): Promise<BalancerServer> {
    checkIterable(targets, 'startBalancer(targets)');
    const urls = targets.map(targetUrl);
    const [first] = urls;
    if (first === undefined) throw new Error('startBalancer: name at least one server');
    const balancer = new BalancerServer(first.protocol, urls, await reservePort());
    await balancer.allow();
    return balancer;
  }

  private constructor(protocol: string, urls: readonly URL[], port: Awaited<ReturnType<typeof reservePort>>) {
    const open = new Map<Connection, number>();
    super(
      protocol,
      (connection) => {
        const place = this.#choice(this.chosen.length);
        const url = urls[place];
        if (url === undefined) throw new RangeError(`startBalancer: there is no server ${place}`);
        this.chosen.push(place);
        open.set(connection, place);
        return url;
      },
      port,
    );
    this.#open = open;
    this.#choice = inTurn(urls.map((_url, place) => place));
  }

  connectionsTo(target: number): number {
    return this.#to(target).length;
  }

  cutTo(target: number): void {
    for (const connection of this.#to(target)) connection.destroy();
  }

  serve(targets: readonly number[]): void {
    checkIterable(targets, 'serve(targets)');
    this.#choice = inTurn(targets);
  }

  choose(choice: BalancerChoice): void {
    checkFunction(choice, 'choose(choice)');
    this.#choice = choice;
  }

  #to(target: number): readonly Connection[] {
    for (const connection of this.#open.keys()) if (connection.isClosed) this.#open.delete(connection);
    return [...this.#open].filter(([, place]) => place === target).map(([connection]) => connection);
  }
}

function inTurn(places: readonly number[]): BalancerChoice {
  let turn = 0;
  return () => {
    const place = places[turn % places.length];
    if (place === undefined) throw new RangeError('serve: name at least one server, or refuse() connections');
    turn += 1;
    return place;
  };
}
