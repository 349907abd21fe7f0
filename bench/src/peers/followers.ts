import { toRevision } from '@holdfast/store';
import { countEvents, encodeWatch, watchEvents } from '../data/wire.js';
import { connectEtcd3, watchEtcd3 } from './etcd3.js';
import { GrpcPeer } from './grpc.js';
import { openHoldfast } from './holdfast.js';
import { Http2Peer } from './http2.js';

/** Events in a side's own form. */
export interface Batch {
  readonly count: number;
  /** The revision of the last one. */
  last(): number;
  /** Keys and values, in the side's own form. */
  content(): readonly (readonly [key: string, value: string])[];
}

export interface Following {
  close(): Promise<void> | void;
}

/**
 * Connects and follows a prefix from a revision on, by default from now, and reports each batch. Resolves when the server has
 * confirmed the watch.
 */
export type Follow = (
  where: { readonly endpoint: string; readonly prefix: string; readonly from: number | undefined },
  onBatch: (batch: Batch) => void,
) => Promise<Following>;

/** A watch of the store contract, without a mirror. */
export const followStore: Follow = async ({ endpoint, prefix, from }, onBatch) => {
  const store = await openHoldfast(endpoint);
  const { bookmark } = await store.list({ prefix }, { countOnly: true });
  const after = from === undefined ? {} : { after: { ...bookmark, revision: toRevision(from - 1) } };
  const watch = store.watch({ prefix }, after);
  const done = (async () => {
    for await (const { events, bookmark: reached } of watch) {
      if (events.length === 0) continue;
      onBatch({
        count: events.length,
        last: () => reached.revision,
        content: () =>
          events.flatMap((event) =>
            event.type === 'put' ? [[event.current.key, utf8(event.current.value)] as const] : [],
          ),
      });
    }
  })();
  await watch.ready;
  return {
    close: async () => {
      await watch.close();
      await done;
      await store.close();
    },
  };
};

export const followEtcd3 =
  (options: Readonly<Record<string, number>>): Follow =>
  async ({ endpoint, prefix, from }, onBatch) => {
    const client = await connectEtcd3(endpoint, options);
    const watcher = await watchEtcd3(client, prefix, from, ({ events }) => {
      onBatch({
        count: events.length,
        last: () => Number(events.at(-1)?.kv.mod_revision),
        content: () => events.map(({ kv }) => [kv.key.toString(), kv.value.toString()]),
      });
    });
    return {
      close: async () => {
        await watcher.cancel();
        client.close();
      },
    };
  };

export const followGrpc: Follow = async ({ endpoint, prefix, from }, onBatch) => {
  const peer = await GrpcPeer.connect(endpoint);
  const call = await established((onMessage) => peer.watch(encodeWatch(prefix, from ?? 0), onMessage), onBatch);
  return {
    close: () => {
      call.cancel();
      peer.close();
    },
  };
};

export const followHttp2: Follow = async ({ endpoint, prefix, from }, onBatch) => {
  const peer = await Http2Peer.connect(endpoint);
  await established((onMessage) => peer.watch(encodeWatch(prefix, from ?? 0), onMessage), onBatch);
  return { close: () => void peer.close() };
};

/** The first message confirms the watch; events come after it. */
function established<Call>(
  begin: (onMessage: (message: Buffer) => void) => Call,
  onBatch: (batch: Batch) => void,
): Promise<Call> {
  return new Promise((resolve) => {
    const call = begin((message) => {
      resolve(call);
      const count = countEvents(message);
      if (count === 0) return;
      onBatch({
        count,
        last: () => watchEvents(message).at(-1)?.modRevision ?? 0,
        content: () => watchEvents(message).map(({ key, value }) => [key.toString(), value.toString()]),
      });
    });
  });
}

function utf8(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}
