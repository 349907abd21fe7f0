import type { ConfigStore } from '@holdfast/store';
import { Agent, request } from 'node:http';
import { keyOf, valueOf } from '../data/dataset.js';

/** A node of etcd's v2 keys API: the fields that the benchmarks read. */
export interface V2Node {
  readonly key: string;
  readonly value?: string;
  readonly modifiedIndex: number;
  readonly nodes?: readonly V2Node[];
}

export interface V2Answer {
  readonly action: string;
  readonly node: V2Node;
}

/** The part of `node-etcd` that the benchmarks use. It has no types. */
export interface NodeEtcd {
  get(key: string, options: object, done: (error: Error | null, answer: V2Answer) => void): unknown;
  watcher(
    key: string,
    index: number | null,
    options: object,
  ): { on(event: 'change', listener: (answer: V2Answer) => void): void; stop(): void };
}

export async function connectNodeEtcd(endpoint: string): Promise<NodeEtcd> {
  const name: string = 'node-etcd';
  const { default: Etcd } = (await import(name)) as { default: new (hosts: string) => NodeEtcd };
  return new Etcd(endpoint);
}

export async function getNodeEtcd(endpoint: string, key: string): Promise<V2Answer> {
  const client = await connectNodeEtcd(endpoint);
  return new Promise((resolve, reject) => {
    client.get(key, { recursive: true }, (error, answer) => {
      if (error === null) resolve(answer);
      else reject(error);
    });
  });
}

export async function openHoldfastV2(endpoint: string): Promise<ConfigStore> {
  const { etcdV2Store } = await import('@holdfast/etcd-v2');
  return etcdV2Store({ endpoints: [endpoint] });
}

/** `node:http` and nothing above it. */
export class V2Peer {
  readonly #endpoint: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });

  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  get(key: string): Promise<V2Answer> {
    return this.#call('GET', `${key}?recursive=true`);
  }

  put(key: string, value: string): Promise<V2Answer> {
    return this.#call('PUT', key, new URLSearchParams({ value }).toString());
  }

  close(): void {
    this.#agent.destroy();
  }

  #call(method: string, path: string, body?: string): Promise<V2Answer> {
    return new Promise((resolve, reject) => {
      const sent = request(
        `${this.#endpoint}/v2/keys${path}`,
        {
          method,
          agent: this.#agent,
          ...(body === undefined ? {} : { headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            resolve(JSON.parse(Buffer.concat(chunks).toString()) as V2Answer);
          });
          response.on('error', reject);
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  }
}

/** Every key below a node with its value. */
export function* v2Content({ key, value, nodes = [] }: V2Node): Generator<[key: string, value: string]> {
  if (value !== undefined) yield [key, value];
  for (const node of nodes) yield* v2Content(node);
}

/** Writes `count` keys one by one: v2 has no other way. */
export async function seedV2(endpoint: string, prefix: string, count: number): Promise<void> {
  const peer = new V2Peer(endpoint);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      await peer.put(keyOf(prefix, index), valueOf(index));
    }
  };
  await Promise.all(Array.from({ length: 32 }, worker));
  peer.close();
}
