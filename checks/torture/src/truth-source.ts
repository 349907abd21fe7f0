import { toRevision, type KeyValue, type WatchEvent } from '@holdfast/store';
import {
  callHttp,
  endOf,
  entryOfV2,
  entryOfV3,
  form,
  fromBase64,
  toBase64,
  type HeldEntry,
  type V2Node,
  type V3Api,
  type V3Entry,
} from './outside.js';

/** The requested revision is not in the server's history any more. */
export class HistoryGone extends Error {
  override readonly name = 'HistoryGone';
}

/** Reports all events at a member after a revision, without Holdfast. */
export interface TruthSource {
  follow(endpoint: string, after: number, signal: AbortSignal): AsyncIterable<readonly WatchEvent[]>;
  /** Writes the key that shows the source's position, and returns the write's revision. */
  mark(key: string, value: string): Promise<number>;
}

export function keyValue(key: string, { value, modRevision, createRevision }: HeldEntry): KeyValue {
  return {
    key,
    value: Buffer.from(value),
    modRevision: toRevision(modRevision),
    createRevision: toRevision(createRevision),
  };
}

interface V3WatchMessage {
  readonly result?: {
    readonly canceled?: boolean;
    readonly compact_revision?: string;
    readonly cancel_reason?: string;
    readonly events?: readonly { readonly type?: 'DELETE'; readonly kv: V3Entry }[];
  };
}

/** etcd's own watch of all keys that begin with `prefix`. */
export function v3Source(api: V3Api, prefix: string): TruthSource {
  return {
    async *follow(endpoint, after, signal) {
      const request = { key: toBase64(prefix), range_end: toBase64(endOf(prefix)), start_revision: String(after + 1) };
      for await (const { result } of api.stream<V3WatchMessage>(
        endpoint,
        'watch',
        { create_request: request },
        signal,
      )) {
        if (result?.canceled === true) {
          if (result.compact_revision !== undefined) throw new HistoryGone(`compacted at ${result.compact_revision}`);
          throw new Error(`the server canceled the watch: ${result.cancel_reason ?? 'no reason'}`);
        }
        yield (result?.events ?? []).map(({ type, kv }): WatchEvent => {
          const key = fromBase64(kv.key);
          const revision = toRevision(Number(kv.mod_revision));
          if (type === 'DELETE') return { type: 'delete', revision, key };
          const current = keyValue(key, entryOfV3(kv));
          return { type: 'put', revision, current, isCreate: current.createRevision === current.modRevision };
        });
      }
    },
    mark: async (key, value) => {
      const body = { key: toBase64(key), value: toBase64(value) };
      const { header } = await api.call<{ header: { revision: string } }>('kv/put', body);
      return Number(header.revision);
    },
  };
}

interface V2Event {
  readonly action?: string;
  readonly errorCode?: number;
  readonly node: V2Node;
  readonly prevNode?: V2Node;
}

/** Long polls, one event after another. */
export function v2Source(endpoints: () => readonly string[]): TruthSource {
  return {
    async *follow(endpoint, after, signal) {
      for (let next = after + 1; !signal.aborted;) {
        const url = `${endpoint}/v2/keys/?recursive=true&wait=true&waitIndex=${next}`;
        const { text } = await callHttp(url, { signal }, Infinity);
        // etcd ends a long poll that waited too long with an empty answer.
        if (text === '') continue;
        const event = JSON.parse(text) as V2Event;
        if (event.errorCode === 401) throw new HistoryGone(text);
        if (event.errorCode !== undefined) throw new Error(text);
        next = event.node.modifiedIndex + 1;
        yield [eventOfV2(event)];
      }
    },
    mark: async (key, value) => {
      let failure: unknown;
      for (const endpoint of endpoints()) {
        try {
          const { text } = await callHttp(`${endpoint}/v2/keys${key}`, { method: 'PUT', ...form({ value }) });
          const event = JSON.parse(text) as V2Event;
          if (event.errorCode !== undefined) throw new Error(text);
          return event.node.modifiedIndex;
        } catch (error) {
          failure = error;
        }
      }
      throw failure;
    },
  };
}

function eventOfV2({ action, node, prevNode }: V2Event): WatchEvent {
  const revision = toRevision(node.modifiedIndex);
  if (action === 'delete' || action === 'expire' || action === 'compareAndDelete') {
    const isDirectory = node.dir === true || prevNode?.dir === true;
    return isDirectory
      ? { type: 'delete-range', revision, range: { prefix: `${node.key}/` } }
      : { type: 'delete', revision, key: node.key };
  }
  return { type: 'put', revision, current: keyValue(node.key, entryOfV2(node)), isCreate: prevNode === undefined };
}
