import type { Etcd3, IWatchResponse, Watcher } from 'etcd3';

/** What `etcd3` is set to beside its endpoint: a large response must not be refused. */
export const ETCD3_OPTIONS = { 'grpc.max_receive_message_length': -1 } as const;

/** The same with the flow-control window that the v3 adapter uses: the best that `etcd3` allows. */
export const ETCD3_WINDOW_OPTIONS = { ...ETCD3_OPTIONS, 'grpc-node.flow_control_window': 16 * 1024 * 1024 } as const;

export async function connectEtcd3(
  endpoint: string | readonly string[],
  grpcOptions: Readonly<Record<string, number>> = ETCD3_WINDOW_OPTIONS,
): Promise<Etcd3> {
  const { Etcd3 } = await import('etcd3');
  return new Etcd3({ hosts: typeof endpoint === 'string' ? endpoint : [...endpoint], grpcOptions });
}

/**
 * Follows `prefix` with one of `etcd3`'s watchers; resolves once the server has confirmed it. Listening begins before
 * that: what arrives while nobody listens is lost with `etcd3`.
 */
export async function watchEtcd3(
  client: Etcd3,
  prefix: string,
  startRevision: number | undefined,
  onData: (response: IWatchResponse) => void,
): Promise<Watcher> {
  const builder = client.watch().prefix(prefix);
  if (startRevision !== undefined) builder.startRevision(String(startRevision));
  const watcher = builder.watcher();
  watcher.on('data', onData);
  await new Promise((resolve, reject) => {
    watcher.on('connected', resolve);
    watcher.on('error', reject);
  });
  return watcher;
}
