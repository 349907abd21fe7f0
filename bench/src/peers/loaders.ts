import type { Mirror } from '@holdfast/core';
import { digestSorted } from '../data/digest.js';
import { encodeRange, rangeEntries } from '../data/wire.js';
import { connectEtcd3 } from './etcd3.js';
import { GrpcPeer } from './grpc.js';
import { mirrorContent, mirrorJson, openHoldfast, type Decode } from './holdfast.js';
import { Http2Peer, messageOf } from './http2.js';

/** A prefix in memory, in a side's own form. */
export interface Loaded {
  /** The content itself, for rows that measure its memory. */
  readonly content: unknown;
  digest(): string;
  close(): Promise<void> | void;
}

/** Connects and reads a whole prefix, as a process does when it starts. */
export type Load = (endpoint: string, prefix: string) => Promise<Loaded>;

export const loadMirror =
  (decode: Decode): Load =>
  async (endpoint, prefix) => {
    const store = await openHoldfast(endpoint);
    const mirror = await mirrorJson(store, prefix, decode);
    return {
      content: mirror,
      digest: () => digestSorted(mirrorContent(mirror, prefix)),
      close: async () => {
        await mirror.close();
        await store.close();
      },
    };
  };

/** What {@link loadMirror} loaded. */
export function mirrorIn({ content }: Loaded): Mirror<unknown> {
  return content as Mirror<unknown>;
}

/** `etcd3`'s own API. */
export const loadEtcd3 =
  (options: Readonly<Record<string, number>>): Load =>
  async (endpoint, prefix) => {
    const client = await connectEtcd3(endpoint, options);
    const { kvs } = await client.getAll().prefix(prefix).exec();
    return {
      content: kvs,
      digest: () => digestSorted(kvs.map(({ key, value }) => [key.toString(), value])),
      close: () => {
        client.close();
      },
    };
  };

/** A plain Map on `etcd3`'s API, with every value parsed. */
export const loadEtcd3Json =
  (options: Readonly<Record<string, number>>): Load =>
  async (endpoint, prefix) => {
    const client = await connectEtcd3(endpoint, options);
    const strings = await client.getAll().prefix(prefix).strings();
    const map = new Map<string, unknown>();
    for (const [key, value] of Object.entries(strings)) map.set(key, JSON.parse(value));
    return { content: map, digest: () => digestSorted(jsonContent(map)), close: () => void client.close() };
  };

/** One response, nothing decoded. */
export const loadGrpc: Load = async (endpoint, prefix) => {
  const peer = await GrpcPeer.connect(endpoint);
  const message = await peer.unary('Range', encodeRange(prefix));
  return { content: message, digest: () => digestMessage(message), close: () => void peer.close() };
};

/** One response, in chunks as received, not decoded. */
export const loadHttp2: Load = async (endpoint, prefix) => {
  const peer = await Http2Peer.connect(endpoint);
  const chunks = await peer.range(encodeRange(prefix));
  return { content: chunks, digest: () => digestMessage(messageOf(chunks)), close: () => void peer.close() };
};

export function* jsonContent(map: ReadonlyMap<string, unknown>): Generator<[key: string, value: string]> {
  for (const [key, value] of map) yield [key, JSON.stringify(value)];
}

function digestMessage(message: Buffer): string {
  return digestSorted([...rangeEntries(message)].map(({ key, value }) => [key.toString(), value]));
}
