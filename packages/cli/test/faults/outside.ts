import type { Etcd } from '@holdfast/testkit';

/** What etcd itself says of a key. */
export interface HeldEntry {
  /** As it is in the store: JSON. */
  readonly json: string;
  readonly modRevision: number;
  readonly createRevision: number;
}

/** A server as it is seen without Holdfast. */
export interface Outside {
  /** What the store holds below a prefix, by relative key: read linearizably. */
  held(prefix: string): Promise<ReadonlyMap<string, HeldEntry>>;
  /** The server's own count of watches, over all running members. */
  watchers(): Promise<number>;
}

/** Through etcdctl; `flags` go with each call, such as `--user`. */
export function v3Outside(etcd: Etcd, ...flags: readonly string[]): Outside {
  return {
    held: async (prefix) => {
      const printed = await etcd.ctl(...flags, 'get', prefix, '--prefix', '--write-out=json');
      const { kvs = [] } = JSON.parse(printed) as { kvs?: V3Entry[] };
      return new Map(
        kvs.map(({ key, value = '', mod_revision: modRevision, create_revision: createRevision }) => {
          return [text(key).slice(prefix.length), { json: text(value), modRevision, createRevision }];
        }),
      );
    },
    watchers: () => etcd.metric('etcd_debugging_mvcc_watcher_total'),
  };
}

/** Through the keys API of v2. */
export function v2Outside(etcd: Etcd): Outside {
  const running = () => etcd.members.filter(({ state }) => state === 'running');
  return {
    held: async (prefix) => {
      const { body } = await callV2(running()[0]?.endpoint, 'GET', `${prefix}?recursive=true&quorum=true`);
      const { node, errorCode } = body as { node?: V2Node; errorCode?: number };
      if (node === undefined && errorCode !== 100) throw new Error(`the keys API answered ${JSON.stringify(body)}`);
      return new Map(
        leavesOf(node).map(({ key, value = '', modifiedIndex, createdIndex }) => [
          key.slice(prefix.length),
          { json: value, modRevision: modifiedIndex, createRevision: createdIndex },
        ]),
      );
    },
    watchers: async () => {
      const counts = await Promise.all(
        running().map(async ({ endpoint }) => {
          const response = await fetch(`${endpoint}/v2/stats/store`);
          return ((await response.json()) as { watchers: number }).watchers;
        }),
      );
      return counts.reduce((sum, count) => sum + count, 0);
    },
  };
}

/** One call of the keys API; `path` is below `/v2/keys`, with its query. */
export async function callV2(
  endpoint: string | undefined,
  method: 'GET' | 'PUT' | 'DELETE',
  path: string,
  form?: Readonly<Record<string, string>>,
): Promise<{ readonly index: number; readonly body: unknown }> {
  if (endpoint === undefined) throw new Error('no member is running');
  const body = form === undefined ? null : new URLSearchParams(form);
  const response = await fetch(`${endpoint}/v2/keys${path}`, { method, body });
  return { index: Number(response.headers.get('x-etcd-index')), body: await response.json() };
}

interface V3Entry {
  readonly key: string;
  readonly value?: string;
  readonly mod_revision: number;
  readonly create_revision: number;
}

interface V2Node {
  readonly key: string;
  readonly value?: string;
  readonly dir?: boolean;
  readonly nodes?: readonly V2Node[];
  readonly modifiedIndex: number;
  readonly createdIndex: number;
}

function leavesOf(node: V2Node | undefined): readonly V2Node[] {
  if (node === undefined) return [];
  return node.dir === true ? (node.nodes ?? []).flatMap(leavesOf) : [node];
}

function text(base64: string): string {
  return Buffer.from(base64, 'base64').toString();
}
