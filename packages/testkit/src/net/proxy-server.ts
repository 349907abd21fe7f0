import { createServer, type Server } from 'node:net';
import { invalidArgument } from '@holdfast/store/adapter';
import { checkFunction, checkNumber, checkOneOf, checkOptions } from '../check.js';
import { Connection, type ConnectionRules } from './connection.js';
import { newLane, type ArmedCut, type CutPredicate, type CutRule, type Direction, type Lane } from './lane.js';
import { reservePort, type ReservedPort } from './ports.js';
import type { AbandonedConnections, CutOptions, Proxy } from './proxy.js';
import { parseTarget, type ProxyTarget } from './proxy-target.js';

type Listening =
  { readonly kind: 'accepting'; readonly server: Server } | { readonly kind: 'refusing' } | { readonly kind: 'closed' };

/** See {@link Proxy}. */
export class ProxyServer implements Proxy {
  readonly #port: ReservedPort;
  #protocol: string;
  readonly #lanes = { toClient: newLane(), toServer: newLane() };
  readonly #connections = new Set<Connection>();
  readonly #rules: ConnectionRules;
  #listening: Listening = { kind: 'refusing' };
  #target: (connection: Connection) => URL;
  #blackHole = false;
  #cutting = false;
  #totalConnections = 0;

  static async start(target: ProxyTarget): Promise<ProxyServer> {
    const url = targetUrl(target);
    const proxy = new ProxyServer(url.protocol, () => url, await reservePort());
    await proxy.allow();
    return proxy;
  }

  /** @param target where each new connection goes */
  protected constructor(protocol: string, target: (connection: Connection) => URL, port: ReservedPort) {
    this.#protocol = protocol;
    this.#target = target;
    this.#port = port;
    const held = (): boolean => this.#blackHole || this.#cutting;
    const beginCut = (): void => {
      this.#cutting = true;
    };
    this.#rules = {
      toClient: { lane: this.#lanes.toClient, held, beginCut },
      toServer: { lane: this.#lanes.toServer, held, beginCut },
      held,
      target: (connection) => {
        const { hostname: host, port } = this.#target(connection);
        return { host, port: Number(port) };
      },
      onClosed: (connection) => this.#connections.delete(connection),
    };
  }

  get port(): number {
    return this.#port.port;
  }

  get endpoint(): string {
    return `${this.#protocol}//127.0.0.1:${this.port}`;
  }

  get bytesToClient(): number {
    return this.#lanes.toClient.bytes;
  }

  get bytesToServer(): number {
    return this.#lanes.toServer.bytes;
  }

  get connections(): number {
    return this.#connections.size;
  }

  get totalConnections(): number {
    return this.#totalConnections;
  }

  cut(options: { readonly reset?: boolean } = {}): void {
    checkOptions(options, ['reset'], 'cut()');
    for (const connection of [...this.#connections]) connection.destroy(options.reset);
    this.#cutting = false;
  }

  cutAfter(bytes: number, options?: CutOptions): ArmedCut {
    checkNumber(bytes, 'cutAfter(bytes)', 'bytes');
    if (!Number.isSafeInteger(bytes) || bytes < 1) throw new RangeError(`cutAfter: ${bytes} is not a number of bytes`);
    return this.cutWhen((chunk, seen) => (seen + chunk.length >= bytes ? bytes - seen : false), options);
  }

  cutWhen(predicate: CutPredicate, options: CutOptions = {}): ArmedCut {
    checkFunction(predicate, 'the predicate of cutWhen()');
    checkOptions(options, ['direction', 'refuse'], 'a cut');
    checkDirection(options.direction ?? 'toClient');
    const { cuts } = this.#lanes[options.direction ?? 'toClient'];
    let happen: () => void;
    const happened = new Promise<void>((resolve) => {
      happen = resolve;
    });
    const rule: CutRule = {
      predicate,
      seen: 0,
      fire: () => {
        cuts.delete(rule);
        if (options.refuse === true) this.refuse();
        this.cut();
        happen();
      },
    };
    cuts.add(rule);
    return { happened, disarm: () => void cuts.delete(rule) };
  }

  refuse(): void {
    if (this.#listening.kind === 'accepting') this.#setListening({ kind: 'refusing' });
  }

  blackHole(): void {
    this.#blackHole = true;
    this.#wake();
  }

  abandon(): AbandonedConnections {
    const abandoned = [...this.#connections];
    for (const connection of abandoned) connection.abandon();
    return {
      count: abandoned.length,
      end: () => {
        for (const connection of abandoned) connection.destroy();
      },
    };
  }

  stall(direction: Direction): void {
    checkDirection(direction);
    this.#lanes[direction].stalled = true;
    this.#wake();
  }

  async allow(): Promise<void> {
    if (this.#listening.kind === 'closed') throw new Error('The proxy is closed; start another one.');
    this.#blackHole = false;
    for (const lane of Object.values(this.#lanes)) lane.stalled = false;
    this.#wake();
    if (this.#listening.kind === 'refusing') await this.#listen();
  }

  delay(ms: number, direction?: Direction): void {
    if (!(checkNumber(ms, 'delay(ms)', 'milliseconds') >= 0))
      throw invalidArgument(`delay(ms) must be 0 or more, not ${ms}`);
    for (const lane of this.#lanesOf(direction)) lane.delayMs = ms;
  }

  throttle(bytesPerSecond: number, direction?: Direction): void {
    checkNumber(bytesPerSecond, 'throttle(bytesPerSecond)', 'bytes a second');
    if (!(bytesPerSecond > 0))
      throw new RangeError(`throttle: ${bytesPerSecond} is not a rate; stall() stops the flow`);
    for (const lane of this.#lanesOf(direction)) lane.bytesPerSecond = bytesPerSecond;
  }

  retarget(target: ProxyTarget): void {
    const url = targetUrl(target);
    this.#protocol = url.protocol;
    this.#target = () => url;
  }

  async close(): Promise<void> {
    if (this.#listening.kind === 'closed') return;
    const { server } = this.#listening.kind === 'accepting' ? this.#listening : { server: undefined };
    const closed = new Promise<void>((resolve) => {
      if (server === undefined) resolve();
      else server.once('close', resolve);
    });
    this.#setListening({ kind: 'closed' });
    this.cut();
    await closed;
    this.#port.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
      this.#totalConnections += 1;
      this.#connections.add(new Connection(client, this.#rules));
    });
    this.#setListening({ kind: 'accepting', server });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port: this.port, host: '127.0.0.1' }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  }

  /** The one place where the listener changes: what was listening stops at once, its connections live on. */
  #setListening(next: Listening): void {
    if (this.#listening.kind === 'accepting') this.#listening.server.close();
    this.#listening = next;
  }

  #lanesOf(direction: Direction | undefined): readonly Lane[] {
    if (direction !== undefined) checkDirection(direction);
    return direction === undefined ? Object.values(this.#lanes) : [this.#lanes[direction]];
  }

  #wake(): void {
    for (const connection of [...this.#connections]) connection.wake();
  }
}

export function targetUrl(target: ProxyTarget): URL {
  const url = parseTarget(target);
  if (url.port === '') throw new Error(`startProxy: ${url.href} names no port; give it explicitly`);
  return url;
}

function checkDirection(direction: unknown): void {
  checkOneOf(direction, ['toClient', 'toServer'], 'a direction');
}
