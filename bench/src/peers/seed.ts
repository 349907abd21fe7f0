import { GrpcPeer } from './grpc.js';
import { keyOf, valueOf } from '../data/dataset.js';
import { digestSorted } from '../data/digest.js';
import { encodePut, encodePuts, encodeRange, headerRevision, rangeEntries } from '../data/wire.js';

/** The most operations that etcd takes in one transaction. */
const OPERATIONS = 128;

/** Writes `count` keys in as few revisions as etcd's limits allow, and gives the last revision. */
export async function seed(endpoint: string, prefix: string, count: number): Promise<number> {
  const chunks = Array.from({ length: Math.ceil(count / OPERATIONS) }, (_, chunk) => chunk * OPERATIONS);
  return withPeer(endpoint, (peer) =>
    inParallel(chunks, 8, async (from) => {
      const entries = Array.from(
        { length: Math.min(OPERATIONS, count - from) },
        (_, offset) => [keyOf(prefix, from + offset), valueOf(from + offset)] as const,
      );
      return headerRevision(await peer.unary('Txn', encodePuts(entries)));
    }),
  );
}

/** Overwrites keys one by one, a revision each, and gives the last revision. */
export async function rewrite(
  endpoint: string,
  prefix: string,
  indexes: readonly number[],
  version: number,
): Promise<number> {
  return withPeer(endpoint, (peer) =>
    inParallel(indexes, 64, async (index) =>
      headerRevision(await peer.unary('Put', encodePut(keyOf(prefix, index), valueOf(index, version)))),
    ),
  );
}

/** Overwrites keys, `batch` of them in each transaction and one transaction after another, and gives the last revision. */
export async function rewriteInBatches(
  endpoint: string,
  prefix: string,
  indexes: readonly number[],
  batch: number,
): Promise<number> {
  const batches = Array.from({ length: Math.ceil(indexes.length / batch) }, (_, at) =>
    indexes.slice(at * batch, (at + 1) * batch),
  );
  return withPeer(endpoint, (peer) =>
    inParallel(batches, 1, async (keys) => {
      const entries = keys.map((index) => [keyOf(prefix, index), valueOf(index, 2)] as const);
      return headerRevision(await peer.unary('Txn', encodePuts(entries)));
    }),
  );
}

/** The digest of a prefix as the server has it. */
export async function contentOf(endpoint: string, prefix: string): Promise<string> {
  return withPeer(endpoint, async (peer) => {
    const entries = rangeEntries(await peer.unary('Range', encodeRange(prefix)));
    return digestSorted(entries.map(({ key, value }) => [key.toString(), value]));
  });
}

async function withPeer<T>(endpoint: string, work: (peer: GrpcPeer) => Promise<T>): Promise<T> {
  const peer = await GrpcPeer.connect(endpoint);
  try {
    return await work(peer);
  } finally {
    peer.close();
  }
}

async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<number>): Promise<number> {
  let next = 0;
  let highest = 0;
  const worker = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) {
      const revision = await work(item);
      // Only now: `highest` may have risen while this one was under way.
      highest = Math.max(highest, revision);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return highest;
}
