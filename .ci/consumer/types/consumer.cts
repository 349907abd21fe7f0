import { openStore, type ConfigStore } from '@holdfast/store';
import { createStore, type StoreDriver } from '@holdfast/store/adapter';
import { memoryStore } from '@holdfast/memory';
import { json, mirror } from '@holdfast/core';
import { yaml } from '@holdfast/core/yaml';
import { etcdV2Store } from '@holdfast/etcd-v2';
import { etcdV3, etcdV3Store } from '@holdfast/etcd-v3';
import testkit = require('@holdfast/testkit');
import binding = require('@holdfast/testkit/jest');

export async function follow(url: string): Promise<string | undefined> {
  const store: ConfigStore = await openStore(url, { adapters: [etcdV3] });
  const routes = await mirror(store, { prefix: '/app/', codec: json() });
  return routes.get('r1')?.key;
}

export const stores: ConfigStore[] = [memoryStore(), etcdV3Store({ endpoints: ['http://127.0.0.1:2379'] })];
export const rest = { etcdV2Store, testkit, binding, yaml };
export const wrap = (driver: StoreDriver): ConfigStore => createStore(driver);
