import { availableEtcds, type Etcd } from '@holdfast/testkit';
import { describeConformance } from '@holdfast/testkit/jest';
import { bindEtcd, type BackendOptions } from '../../etcd-common/test/support/conformance.js';
import { ADAPTER } from './support/adapter.js';

/** A request without the adapter: another client of the same server. */
async function request(etcd: Etcd, key: string, init: RequestInit): Promise<void> {
  const path = key.split('/').map(encodeURIComponent).join('/');
  const answer = await fetch(`${etcd.endpoints[0] ?? ''}/v2/keys${path}`, init);
  if (!answer.ok) throw new Error(`${init.method ?? 'GET'} ${key}: ${answer.status} ${await answer.text()}`);
}

const OPTIONS: BackendOptions = {
  hooks: (etcd) => ({
    writeOutside: (key, value) =>
      value === undefined
        ? request(etcd, key, { method: 'DELETE' })
        : request(etcd, key, { method: 'PUT', body: new URLSearchParams({ value: Buffer.from(value).toString() }) }),
  }),
};

for (const { version } of availableEtcds({ api: 'v2' })) {
  describeConformance(`etcd-v2@${version}`, () => bindEtcd(ADAPTER, version, OPTIONS));
}
