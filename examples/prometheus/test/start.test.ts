import { channel } from 'node:diagnostics_channel';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { memoryStore } from '@holdfast/memory';
import type { ConfigStore } from '@holdfast/store';
import { eventually, simulateLink, virtualClock } from '@holdfast/testkit';
import { startService } from '../src/service.js';

const open: ConfigStore[] = [];
/** A store that is away, and can come back. */
function storeThatIsAway() {
  const data = memoryStore();
  const { store, link } = simulateLink(data);
  void link.cut();
  open.push(store, data);
  return { store, link };
}

const probe = async (url: string) => {
  const response = await fetch(url);
  return { status: response.status, body: await response.text() };
};

/** Whether anybody still listens to what mirrors tell. */
const isListening = () => channel('holdfast:mirror:state').hasSubscribers;

async function portThatIsTaken(): Promise<{ readonly port: number; readonly server: Server }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, server };
}

afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

describe('a service that starts while the store is away', () => {
  test('is alive, and not ready until it has loaded', async () => {
    const { store, link } = storeThatIsAway();
    const service = await startService({ store });
    expect(await probe(`${service.url}/healthz`)).toEqual({ status: 200, body: 'alive\n' });
    await eventually(async () => {
      const { status, body } = await probe(`${service.url}/readyz`);
      expect(status).toBe(503);
      expect(JSON.parse(body)).toMatchObject({ ready: false, status: 'loading', cause: { code: 'unavailable' } });
    });
    expect((await probe(`${service.url}/metrics`)).status).toBe(200);

    await link.heal();
    await service.loaded;
    expect((await probe(`${service.url}/readyz`)).status).toBe(200);
    await service.close();
    expect(isListening()).toBe(false);
  });

  test('closes while it waits', async () => {
    const { store } = storeThatIsAway();
    const service = await startService({ store });
    await service.close();
    await expect(service.loaded).rejects.toMatchObject({ code: 'aborted' });
    await expect(fetch(`${service.url}/healthz`)).rejects.toThrow();
    expect(isListening()).toBe(false);
  });
});

describe('a service that cannot start leaves nothing behind:', () => {
  test('where the store does not come', async () => {
    const { store } = storeThatIsAway();
    const service = await startService({ store, startTimeoutMs: 20 });
    await expect(service.loaded).rejects.toMatchObject({ code: 'timeout' });
    await expect(fetch(`${service.url}/healthz`)).rejects.toThrow();
    expect(isListening()).toBe(false);
  });

  test('where its session cannot be opened', async () => {
    const clock = virtualClock();
    const store = memoryStore({ clock });
    jest.spyOn(store.leases, 'grant').mockRejectedValue(new Error('no lease'));
    const service = await startService({ store, clock });
    await expect(service.loaded).rejects.toThrow('no lease');
    await store.close();
    expect([isListening(), clock.pending]).toEqual([false, 0]);
  });

  test('where its port is taken', async () => {
    const { port, server } = await portThatIsTaken();
    const clock = virtualClock();
    const store = memoryStore({ clock });
    await expect(startService({ store, clock, port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await store.close();
    expect([isListening(), clock.pending]).toEqual([false, 0]);
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('the program', () => {
  const { exitCode } = process;
  let printed: jest.SpiedFunction<typeof console.log>;
  let reported: jest.SpiedFunction<typeof console.error>;

  const start = (port: number) =>
    jest.isolateModulesAsync(async () => {
      process.env['ETCD_ENDPOINTS'] = 'http://127.0.0.1:1'; // nobody is there
      process.env['PORT'] = String(port);
      await import('../src/main.js');
    });

  beforeEach(() => {
    printed = jest.spyOn(console, 'log').mockReturnValue(undefined);
    reported = jest.spyOn(console, 'error').mockReturnValue(undefined);
  });
  afterEach(() => {
    jest.restoreAllMocks();
    process.exitCode = exitCode;
    delete process.env['ETCD_ENDPOINTS'];
    delete process.env['PORT'];
  });

  test('reports why it can’t start, and ends with an exit code', async () => {
    const { port, server } = await portThatIsTaken();
    await start(port);
    await eventually(() => expect(process.exitCode).toBe(1));
    expect(reported).toHaveBeenCalledWith(expect.objectContaining({ code: 'EADDRINUSE' }));
    await new Promise((resolve) => server.close(resolve));
  });

  test('is alive without etcd, and ends by a signal', async () => {
    await start(0);
    await eventually(() => expect(printed).toHaveBeenCalled());
    const [url] = /http:\S+(?=\/metrics)/.exec(String(printed.mock.calls[0]?.[0])) ?? [];
    expect(await probe(`${url}/healthz`)).toEqual({ status: 200, body: 'alive\n' });
    const { status, body } = await probe(`${url}/readyz`);
    expect([status, JSON.parse(body)]).toEqual([503, expect.objectContaining({ ready: false, status: 'loading' })]);

    process.emit('SIGTERM');
    await eventually(() => expect(isListening()).toBe(false));
    expect([process.exitCode, reported.mock.calls]).toEqual([exitCode, []]);
  });
});
