import type { Mirror } from '@holdfast/core';
import type { EtcdV3Store } from '@holdfast/etcd-v3';
import type { ConfigStore } from '@holdfast/store';

export type Decode = 'lazy' | 'eager';

/** A store with its defaults, as users have it. */
export async function openHoldfast(...endpoints: readonly string[]): Promise<EtcdV3Store> {
  const { etcdV3Store } = await import('@holdfast/etcd-v3');
  return etcdV3Store({ endpoints });
}

export async function mirrorJson(store: ConfigStore, prefix: string, decode: Decode): Promise<Mirror<unknown>> {
  const { json, mirror } = await import('@holdfast/core');
  return mirror(store, { prefix, codec: json(), decode });
}

/** The content of a mirror, as the stored texts. */
export function* mirrorContent(mirror: Mirror<unknown>, prefix: string): Generator<[key: string, value: string]> {
  for (const [key, { value }] of mirror) yield [prefix + key, JSON.stringify(value)];
}
