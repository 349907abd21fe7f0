import { etcdV3Store } from '@holdfast/etcd-v3';
import { startService } from './service.js';

async function main(): Promise<void> {
  const store = etcdV3Store({ endpoints: (process.env['ETCD_ENDPOINTS'] ?? 'http://127.0.0.1:2379').split(',') });
  const service = await startService({ store, port: Number(process.env['PORT'] ?? 9400) });
  console.log(`serving ${service.url}/metrics, /healthz and /readyz`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      void service.close().then(() => store.close());
    });
  }
}

void main();
