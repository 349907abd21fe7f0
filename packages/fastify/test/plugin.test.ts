import { afterEach, expect, test } from '@jest/globals';
import Fastify, { type FastifyInstance } from 'fastify';
import { json, mirror, type Mirror } from '@holdfast/core';
import { holdfast, type FastifyTools, type Holdfast } from '@holdfast/fastify';
import { memoryStore } from '@holdfast/memory';
import { type ConfigStore, StoreError } from '@holdfast/store';
import { eventually } from '@holdfast/testkit';
import { unavailableStore } from './support/unavailable-store.js';

interface Mirrors {
  readonly routes: Mirror<string>;
}

const apps: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

function newApp(options: object = {}): FastifyInstance {
  const app = Fastify(options);
  apps.push(app);
  return app;
}

async function storeOfRoutes(): Promise<ConfigStore> {
  const store = memoryStore();
  await store.put('/routes/a', '"10.0.0.1"');
  return store;
}

const routes = (store: ConfigStore, tools: FastifyTools) =>
  mirror(store, { ...tools, prefix: '/routes/', codec: json<string>() });

/** A promise that a test resolves. */
function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
}

/** Listens, and gives a function that asks the application. */
async function start(app: FastifyInstance) {
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  return async (path: string) => {
    const response = await fetch(address + path);
    return { status: response.status, body: await response.json() };
  };
}

function holdfastIn(app: FastifyInstance): Holdfast<Mirrors> {
  return app.getDecorator<Holdfast<Mirrors>>('holdfast');
}

test('opens the mirrors before the application is ready, and answers from them', async () => {
  const app = newApp();
  await app.register(holdfast, { store: await storeOfRoutes(), mirrors: { routes } });
  app.get('/route/:id', (request) => {
    const { id } = request.params as { id: string };
    return { target: holdfastIn(app).mirrors.routes.get(id)?.value };
  });
  const answer = await start(app);
  expect(await answer('/route/a')).toEqual({ status: 200, body: { target: '10.0.0.1' } });
  const { revision } = await app.holdfast.store.put('/routes/a', '"10.0.0.2"');
  await holdfastIn(app).mirrors.routes.waitFor(revision);
  expect(await answer('/route/a')).toEqual({ status: 200, body: { target: '10.0.0.2' } });
});

test('closes what it has opened after the last request, and leaves a given store open', async () => {
  const given = await storeOfRoutes();
  const app = newApp();
  await app.register(holdfast, { store: given, mirrors: { routes } });
  const answer = gate();
  const states: string[] = [];
  const arrived = new Promise<void>((resolve) => {
    app.get('/slow', async () => {
      resolve();
      await answer.opened;
      states.push(holdfastIn(app).mirrors.routes.state.status);
      return 'done';
    });
  });
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  const response = fetch(`${address}/slow`);
  await arrived;
  const closed = app.close();
  answer.open();
  expect(await (await response).text()).toBe('done');
  await closed;
  expect(states).toEqual(['live']);
  expect(holdfastIn(app).mirrors.routes.state.status).toBe('closed');
  expect(await given.get('/routes/a')).toBeDefined();
  await given.close();
});

test('closes a store that it has opened itself', async () => {
  const store = await storeOfRoutes();
  const app = newApp();
  await app.register(holdfast, { store: () => store, mirrors: { routes } });
  await app.close();
  await expect(store.get('/routes/a')).rejects.toMatchObject({ code: 'closed' });
});

test('closes everything when one mirror fails to open, and says why', async () => {
  const store = await storeOfRoutes();
  const opened: Mirror<string>[] = [];
  const app = newApp();
  const mirrors = {
    bad: async (...call: Parameters<typeof routes>) => {
      opened.push(await routes(...call));
      throw new StoreError('permission-denied', 'not for you');
    },
    routes: async (...call: Parameters<typeof routes>) => {
      opened.push(await routes(...call));
      return opened.at(-1)!;
    },
  };
  app.register(holdfast, { store: () => store, mirrors });
  await expect(app.ready()).rejects.toThrow('not for you');
  await app.close();
  expect(opened.length).toBeGreaterThan(0);
  expect(opened.filter(({ state }) => state.status !== 'closed')).toEqual([]);
  await expect(store.get('/routes/a')).rejects.toMatchObject({ code: 'closed' });
});

test('tells the first failure at once, and closes later what opens later', async () => {
  const store = await storeOfRoutes();
  const slow = gate();
  let late: Mirror<string> | undefined;
  const mirrors = {
    bad: () => Promise.reject(new StoreError('permission-denied', 'not for you')),
    late: async (from: ConfigStore) => {
      await slow.opened;
      late = await mirror(from, { prefix: '/routes/', codec: json<string>() });
      return late;
    },
  };
  const app = newApp({ pluginTimeout: 2_000 });
  app.register(holdfast, { store, mirrors });
  try {
    await expect(app.ready()).rejects.toThrow('not for you');
  } finally {
    // Long after everything else has closed.
    setTimeout(slow.open, 50);
  }
  await app.close();
  expect(late?.state.status).toBe('closed');
  await store.close();
});

test('closes a mirror that opens after the plugin has timed out', async () => {
  const store = await storeOfRoutes();
  const slow = gate();
  let late: Mirror<string> | undefined;
  const mirrors = {
    late: async (from: ConfigStore) => {
      late = await mirror(from, { prefix: '/routes/', codec: json<string>() });
      await slow.opened;
      return late;
    },
  };
  const app = newApp({ pluginTimeout: 50 });
  app.register(holdfast, { store, mirrors });
  await expect(app.ready()).rejects.toMatchObject({ code: 'FST_ERR_PLUGIN_TIMEOUT' });
  setTimeout(slow.open, 50);
  await app.close();
  expect(late?.state.status).toBe('closed');
  await store.close();
});

test('closes a store that opens after the plugin has timed out, and opens no mirror of it', async () => {
  const store = await storeOfRoutes();
  const slow = gate();
  const opened: string[] = [];
  const mirrors = {
    routes: (...call: Parameters<typeof routes>) => {
      opened.push('routes');
      return routes(...call);
    },
  };
  const app = newApp({ pluginTimeout: 50 });
  app.register(holdfast, { store: () => slow.opened.then(() => store), mirrors });
  await expect(app.ready()).rejects.toMatchObject({ code: 'FST_ERR_PLUGIN_TIMEOUT' });
  setTimeout(slow.open, 50);
  await app.close();
  await expect(store.get('/routes/a')).rejects.toMatchObject({ code: 'closed' });
  expect(opened).toEqual([]);
});

test('gives up before the time-out of the framework, with the error of the store', async () => {
  const app = newApp({ pluginTimeout: 300 });
  const store = unavailableStore();
  app.register(holdfast, { store: () => store, mirrors: { routes } });
  await expect(app.ready()).rejects.toThrow('could not load from memory within 270 ms');
});

test('answers at the readiness route with the health of all mirrors', async () => {
  const store = await storeOfRoutes();
  const app = newApp();
  await app.register(holdfast, { store, mirrors: { routes }, readiness: '/readyz' });
  const answer = await start(app);
  expect(await answer('/readyz')).toMatchObject({
    status: 200,
    body: { ready: true, mirrors: { routes: { ready: true, status: 'live' } } },
  });
  await store.close();
  await eventually(async () => {
    expect(await answer('/readyz')).toMatchObject({
      status: 503,
      body: { ready: false, mirrors: { routes: { status: 'closed' } } },
    });
  });
});

test("logs to the application's log, with details as fields", async () => {
  const lines: string[] = [];
  const app = newApp({ logger: { level: 'warn', stream: { write: (line: string) => lines.push(line) } } });
  const store = await storeOfRoutes();
  await app.register(holdfast, { store, mirrors: { routes } });
  const { revision } = await store.put('/routes/a', '{');
  await holdfastIn(app).mirrors.routes.waitFor(revision);
  const logged = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(logged).toContainEqual(expect.objectContaining({ level: 40, mirror: '/routes/' }));
});

test('refuses to be registered without a store, or twice', async () => {
  await expect(newApp().register(holdfast, {} as never)).rejects.toThrow('give @holdfast/fastify a store');
  const app = newApp();
  const store = await storeOfRoutes();
  await app.register(holdfast, { store });
  await expect(app.register(holdfast, { store })).rejects.toThrow('registered already');
});

test.each([
  [{ store: 'etcd-v3://127.0.0.1' }, 'This is a string'],
  [{ store: () => undefined }, 'takes a store from the function of its option store'],
  [{ store: memoryStore(), mirrors: { routes: () => 5 } }, 'the function for the mirror "routes" gives no mirror'],
  [{ store: memoryStore(), mirrors: { routes: 'x' } }, 'mirrors.routes must be a function'],
  [{ store: memoryStore(), mirrors: [] }, 'mirrors must be an object'],
  [{ store: memoryStore(), ready: '/readyz' }, 'has no option "ready"'],
  [{ store: memoryStore(), readiness: 5 }, 'readiness'],
  [{ store: memoryStore(), readiness: { path: '/x', maxStaleMs: -1 } }, 'maxStaleMs must be a number of milliseconds'],
  [{ store: memoryStore(), readiness: { path: '/x', maxStaleMs: '5' } }, 'maxStaleMs must be a number of milliseconds'],
  [{ store: memoryStore(), prefix: 5 }, 'prefix must be a path'],
  [{ store: memoryStore(), encapsulate: false }, 'has no option "encapsulate"'],
  [{ store: memoryStore(), readiness: { path: '/x', maxStale: 1 } }, 'has no option "maxStale"'],
])('refuses %j, and can be closed', async (options, message) => {
  const app = newApp();
  await expect(app.register(holdfast, options as never)).rejects.toMatchObject({
    code: 'invalid-argument',
    message: expect.stringContaining(message),
  });
});

test("applies Fastify's own options to the readiness route", async () => {
  const lines: string[] = [];
  const logger = {
    level: 'info',
    serializers: { req: () => 'of the application' },
    stream: { write: (line: string) => lines.push(line) },
  };
  const store = await storeOfRoutes();
  const statusOf = async (options: object) => {
    const app = newApp({ logger });
    await app.register(holdfast, { store, mirrors: { routes }, readiness: '/readyz', ...options });
    const answer = await start(app);
    lines.length = 0;
    return (await answer('/v1/readyz')).status;
  };
  expect(await statusOf({ prefix: '/v1' })).toBe(200);
  expect(lines.join()).toContain('"req":"of the application"');
  expect(await statusOf({ prefix: 'v1/', logSerializers: { req: () => 'of the route' } })).toBe(200);
  expect(lines.join()).toContain('"req":"of the route"');
  expect(await statusOf({ prefix: '/v1', logLevel: 'warn' })).toBe(200);
  expect(lines).toEqual([]);
});
