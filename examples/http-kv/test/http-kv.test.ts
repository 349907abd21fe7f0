import { expect, test } from '@jest/globals';
import { isStoreError, openStore } from '@holdfast/store';
import { conformanceCases, runConformance, type ConformanceCase } from '@holdfast/testkit';
import { httpKv, httpKvStore } from '../src/http-kv-store.js';
import { KeyValueService } from '../src/server.js';

/** Cases that need hundreds of writes, or megabytes. The adapter passes them too: `HOLDFAST_HTTP_KV=whole` runs them. */
const SLOW =
  /^(C11\.|C4\.(large|list-gives|delta|sort|reads-see-ack)|C10\.(large|long|no-coalescing|concurrent|every-write|progress-is-never)|C12\.overrun|C5\.|C2\.random|C13\.no-false)/;
const inNpmTest = ({ id }: ConformanceCase) => process.env['HOLDFAST_HTTP_KV'] === 'whole' || !SLOW.test(id);

test('the adapter passes every case that its capabilities do not exclude', async () => {
  await using service = await new KeyValueService().listen();
  const { endpoint } = service;
  const reports = await runConformance(
    {
      patienceMs: 30_000,
      scanKeys: 50,
      backlogRevisions: 40,
      open: (options) => httpKvStore(endpoint, options),
      hooks: {
        disturb: { break: service.cut, heal: service.heal },
        openByUrl: () => openStore(`http-kv://${endpoint}`, { adapters: [httpKv] }),
        writeOutside: async (key, value) => {
          const range = { start: toBase64(key), end: toBase64(`${key}\0`) };
          const [path, request] =
            value === undefined ? ['delete', range] : ['key', { key, if: [], then: { put: toBase64(value) } }];
          await fetch(`http://${endpoint}/${path}`, { method: 'POST', body: JSON.stringify(request) });
        },
      },
    },
    conformanceCases.filter(inNpmTest),
  );
  const failed = reports.flatMap(({ case: { id }, outcome }) =>
    outcome.status === 'failed' ? [[id, outcome.error.message]] : [],
  );
  expect(failed).toEqual([]);
  const passed = reports.filter(({ outcome }) => outcome.status === 'passed').map(({ case: { id } }) => id);
  expect(passed).toEqual(
    expect.arrayContaining(['C12.breakdown-shows-in-the-state', 'C10.watches-tell-outside-writes']),
  );
  expect(passed.length).toBeGreaterThan(100);
});

test('a write that nobody received was not applied, and one whose answer was lost may have been', async () => {
  const service = await new KeyValueService().listen();
  const store = httpKvStore(service.endpoint);
  await store.put('a', '1');
  await expect(store.put('a', '', { ignoreValue: true })).rejects.toMatchObject({ code: 'unsupported' });
  service.cut();
  const lost = await store.put('a', '2').catch((error: unknown) => error);
  expect(isStoreError(lost, 'unavailable') && lost.outcome).toBe('unknown');
  await service[Symbol.asyncDispose]();
  const refused = await store.put('a', '3').catch((error: unknown) => error);
  expect(isStoreError(refused, 'unavailable') && refused.outcome).toBe('not-applied');
  await store.close();
});

function toBase64(bytes: string | Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
