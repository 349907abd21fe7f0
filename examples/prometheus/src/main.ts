import { once } from 'node:events';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { startService } from './service.js';

/** The service waits for the store, alive and not ready. An exit would only add the back-off of restarts. */
const startTimeoutMs = 24 * 3_600_000;

async function main(): Promise<void> {
  const stopped = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  const store = etcdV3Store({ endpoints: (process.env['ETCD_ENDPOINTS'] ?? 'http://127.0.0.1:2379').split(',') });
  try {
    const service = await startService({ store, port: Number(process.env['PORT'] ?? 9400), startTimeoutMs });
    console.log(`serving ${service.url}/metrics, /healthz and /readyz`);
    try {
      await Promise.race([service.loaded, stopped]);
      await stopped;
    } finally {
      await service.close();
    }
  } finally {
    await store.close();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
