import 'reflect-metadata';
import { setImmediate } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import { Controller, Get, type INestApplication, Inject, type LoggerService, Module, type Type } from '@nestjs/common';
import { LazyModuleLoader, NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { json, mirror, type Mirror } from '@holdfast/core';
import { memoryStore } from '@holdfast/memory';
import {
  HOLDFAST_STORE,
  HoldfastHealth,
  HoldfastModule,
  InjectMirror,
  InjectStore,
  mirrorToken,
  storeToken,
  type NestTools,
} from '@holdfast/nestjs';
import { type ConfigStore, StoreError } from '@holdfast/store';
import { eventually } from '@holdfast/testkit';

type Routes = Mirror<string>;

const apps: INestApplication[] = [];
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

const routes = (store: ConfigStore, tools: NestTools) =>
  mirror(store, { ...tools, prefix: '/routes/', codec: json<string>() });

async function storeOfRoutes(): Promise<ConfigStore> {
  const store = memoryStore();
  await store.put('/routes/a', '"10.0.0.1"');
  return store;
}

/** What `@Controller() class { constructor(@InjectMirror('routes') …) {} @Get('route') … }` compiles to: Jest transforms no decorators here. */
class RoutesController {
  readonly routes: Routes;
  readonly store: ConfigStore;
  readonly health: HoldfastHealth;

  constructor(mirrored: Routes, store: ConfigStore, health: HoldfastHealth) {
    this.routes = mirrored;
    this.store = store;
    this.health = health;
  }

  route() {
    return { target: this.routes.get('a')?.value, ready: this.health.report().ready };
  }
}
InjectMirror('routes')(RoutesController, undefined, 0);
InjectStore()(RoutesController, undefined, 1);
Inject(HoldfastHealth)(RoutesController, undefined, 2);
Get('route')(
  RoutesController.prototype,
  'route',
  Object.getOwnPropertyDescriptor(RoutesController.prototype, 'route')!,
);
Controller()(RoutesController);

const silent: LoggerService = { log: () => undefined, error: () => undefined, warn: () => undefined };

async function start(holdfast: ReturnType<typeof HoldfastModule.forRoot>, logger = silent): Promise<INestApplication> {
  class AppModule {}
  Module({ imports: [holdfast], controllers: [RoutesController] })(AppModule);
  const testing = await Test.createTestingModule({ imports: [AppModule as Type] })
    .setLogger(logger)
    .compile();
  const app = testing.createNestApplication();
  apps.push(app);
  await app.listen(0, '127.0.0.1');
  return app;
}

test('injects the store and the mirrors, which have loaded when the application starts', async () => {
  const app = await start(HoldfastModule.forRoot({ store: await storeOfRoutes(), mirrors: { routes } }));
  const answer = async () => (await fetch(`${await app.getUrl()}/route`)).json();
  expect(await answer()).toEqual({ target: '10.0.0.1', ready: true });
  const controller = app.get(RoutesController);
  const { revision } = await controller.store.put('/routes/a', '"10.0.0.2"');
  await controller.routes.waitFor(revision);
  expect(await answer()).toEqual({ target: '10.0.0.2', ready: true });
});

test('closes the mirrors at shutdown, and leaves a given store open', async () => {
  const store = await storeOfRoutes();
  const app = await start(HoldfastModule.forRoot({ store, mirrors: { routes } }));
  const mirrored = app.get<Routes>(mirrorToken('routes'));
  expect(mirrored.state.status).toBe('live');
  await app.close();
  expect(mirrored.state.status).toBe('closed');
  expect(await store.get('/routes/a')).toBeDefined();
  await store.close();
});

test('opens a store by a factory with other providers, and closes it at shutdown', async () => {
  class Settings {
    readonly prefix = '/tenant';
  }
  class SettingsModule {}
  Module({ providers: [Settings], exports: [Settings] })(SettingsModule);
  const store = await storeOfRoutes();
  const given: string[] = [];
  const holdfast = HoldfastModule.forRootAsync({
    imports: [SettingsModule],
    inject: [Settings],
    useFactory: ({ prefix }: Settings) => ({
      store: () => {
        given.push(prefix);
        return store;
      },
    }),
    mirrors: { routes },
    isGlobal: true,
  });
  const app = await start(holdfast);
  expect(given).toEqual(['/tenant']);
  expect(app.get<Routes>(mirrorToken('routes')).get('a')?.value).toBe('10.0.0.1');
  await app.close();
  await expect(store.get('/routes/a')).rejects.toMatchObject({ code: 'closed' });
});

test('closes everything when one mirror fails to open, and says why', async () => {
  const store = await storeOfRoutes();
  const opened: Routes[] = [];
  const holdfast = HoldfastModule.forRoot({
    store: () => store,
    mirrors: {
      routes: async (...call) => {
        opened.push(await routes(...call));
        return opened[0]!;
      },
      bad: () => Promise.reject(new StoreError('permission-denied', 'not for you')),
    },
  });
  await expect(start(holdfast)).rejects.toThrow('not for you');
  expect(opened.map(({ state }) => state.status).filter((status) => status !== 'closed')).toEqual([]);
  await expect(store.get('/routes/a')).rejects.toMatchObject({ code: 'closed' });
});

test("logs to the application's logger, with its context and details", async () => {
  const logged: unknown[][] = [];
  const store = await storeOfRoutes();
  const holdfast = HoldfastModule.forRoot({ store, mirrors: { routes } });
  const app = await start(holdfast, { ...silent, warn: (...line: unknown[]) => void logged.push(line) });
  const { revision } = await store.put('/routes/a', '{');
  await app.get<Routes>(mirrorToken('routes')).waitFor(revision);
  expect(logged).toContainEqual([
    expect.stringContaining('mirror /routes/: the value of key "a"'),
    expect.objectContaining({ mirror: '/routes/' }),
    'Holdfast',
  ]);
  await app.close();
  await store.close();
});

test('lets a test replace the store', async () => {
  class AppModule {}
  const away = () => Promise.reject(new StoreError('unavailable', 'nothing answers'));
  Module({ imports: [HoldfastModule.forRoot({ store: away, mirrors: { routes } })] })(AppModule);
  const store = await storeOfRoutes();
  const testing = await Test.createTestingModule({ imports: [AppModule as Type] })
    .overrideProvider(HOLDFAST_STORE)
    .useValue(store)
    .compile();
  expect(testing.get<Routes>(mirrorToken('routes'), { strict: false }).get('a')?.value).toBe('10.0.0.1');
  await testing.close();
  await store.close();
});

test('tells that it is not ready when a mirror is closed', async () => {
  const store = await storeOfRoutes();
  const app = await start(HoldfastModule.forRoot({ store, mirrors: { routes } }));
  await store.close();
  await eventually(() => {
    const report = app.get(HoldfastHealth).report();
    expect(report).toMatchObject({ ready: false, mirrors: { routes: { status: 'closed' } } });
  });
});

/** Two modules, of two stores, in one application. */
async function startBoth(first: object, second: object): Promise<INestApplication> {
  class AppModule {}
  Module({ imports: [first, second] as never })(AppModule);
  const testing = await Test.createTestingModule({ imports: [AppModule as Type] })
    .setLogger(silent)
    .compile();
  const app = testing.createNestApplication();
  apps.push(app);
  return app.init();
}

test.each(['for one module', 'for all'])(
  'tells several stores apart by the name of their module, %s',
  async (scope) => {
    const isGlobal = scope === 'for all';
    const [own, orders] = [await storeOfRoutes(), memoryStore()];
    await orders.put('/routes/a', '"10.0.0.9"');
    class Reader {
      readonly injected: readonly unknown[];
      constructor(...injected: readonly unknown[]) {
        this.injected = injected;
      }
    }
    InjectStore()(Reader, undefined, 0);
    InjectStore('orders')(Reader, undefined, 1);
    InjectMirror('routes')(Reader, undefined, 2);
    InjectMirror('routes', 'orders')(Reader, undefined, 3);
    class ReaderModule {}
    const unnamed = HoldfastModule.forRoot({ isGlobal, store: own, mirrors: { routes } });
    const named = HoldfastModule.forRootAsync({
      ...{ isGlobal, name: 'orders', mirrors: { routes } },
      useFactory: () => ({ store: orders }),
    });
    Module({ imports: isGlobal ? [] : [unnamed, named], providers: [Reader] })(ReaderModule);
    class AppModule {}
    Module({ imports: [unnamed, named, ReaderModule] })(AppModule);
    const testing = await Test.createTestingModule({ imports: [AppModule as Type] })
      .setLogger(silent)
      .compile();
    const app = testing.createNestApplication();
    apps.push(app);
    await app.init();
    const [store, ordersStore, mirrored, ofOrders] = app.get(Reader, { strict: false }).injected as [
      ConfigStore,
      ConfigStore,
      Routes,
      Routes,
    ];
    expect([store, ordersStore]).toEqual([own, orders]);
    expect([mirrored, ofOrders].map((each) => each.get('a')?.value)).toEqual(['10.0.0.1', '10.0.0.9']);
    expect(app.get(storeToken('orders'), { strict: false })).toBe(orders);
    const health = app.get(HoldfastHealth, { strict: false });
    expect(health.report()).toMatchObject({
      ready: true,
      mirrors: { routes: { ready: true }, 'orders/routes': { ready: true } },
    });
    await ofOrders.close();
    expect(health.report()).toMatchObject({ ready: false, mirrors: { 'orders/routes': { status: 'closed' } } });
    await app.close();
    expect(mirrored.state.status).toBe('closed');
  },
);

test.each([
  [undefined, 'two HoldfastModules without a name'],
  ['orders', 'two HoldfastModules of the name "orders"'],
])('refuses two modules of the name %s, and closes what they have opened', async (name, message) => {
  const stores: ConfigStore[] = [];
  const store = async () => {
    stores.push(await storeOfRoutes());
    return stores.at(-1)!;
  };
  const first = HoldfastModule.forRoot({ name, store, mirrors: { routes } });
  const second = HoldfastModule.forRootAsync({ name, useFactory: () => ({ store }), mirrors: { others: routes } });
  await expect(startBoth(first, second)).rejects.toMatchObject({
    code: 'invalid-argument',
    message: expect.stringContaining(message),
  });
  expect(stores.length).toBeGreaterThan(0);
  await eventually(async () => {
    for (const each of stores) await expect(each.get('/routes/a')).rejects.toMatchObject({ code: 'closed' });
  });
});

test('closes the other modules too when one can not open its store, and the stores that open later', async () => {
  const [early, late] = [await storeOfRoutes(), await storeOfRoutes()];
  let failed: () => void = () => undefined;
  const afterFailure = new Promise<void>((resolve) => (failed = resolve));
  const bad = async ({ signal }: NestTools) => {
    signal.addEventListener('abort', () => setTimeout(failed, 20));
    await setImmediate();
    throw new StoreError('permission-denied', 'not for you');
  };
  const open = HoldfastModule.forRoot({ name: 'early', store: () => early, mirrors: { routes } });
  const opening = HoldfastModule.forRoot({ name: 'late', store: () => afterFailure.then(() => late) });
  const failing = HoldfastModule.forRoot({ name: 'bad', store: bad });
  await expect(startBoth({ module: class {}, imports: [open, opening] }, failing)).rejects.toThrow('not for you');
  await eventually(async () => {
    for (const each of [early, late]) await expect(each.get('/a')).rejects.toMatchObject({ code: 'closed' });
  });
});

test.each([
  ['can not open', { name: 'lazy', store: () => Promise.reject(new Error('not for you')) }, 'not for you'],
  ['has a name twice', { store: memoryStore() }, 'two HoldfastModules without a name'],
])('a module that is loaded lazily and %s leaves the running ones open', async (_, options, message) => {
  const app = await start(HoldfastModule.forRoot({ store: await storeOfRoutes(), mirrors: { routes } }));
  const lazy = HoldfastModule.forRoot(options);
  await expect(app.get(LazyModuleLoader).load(() => lazy)).rejects.toThrow(message);
  const mirrored = app.get<Routes>(mirrorToken('routes'));
  expect(mirrored.state.status).toBe('live');
  expect(app.get(HoldfastHealth, { strict: false }).report().ready).toBe(true);
});

test('serves two modules that import the same one', async () => {
  const store = await storeOfRoutes();
  const holdfast = HoldfastModule.forRoot({ store, mirrors: { routes } });
  class Feature {}
  Module({ imports: [holdfast] })(Feature);
  const app = await startBoth({ module: Feature }, holdfast);
  expect(app.get<Routes>(mirrorToken('routes'), { strict: false }).get('a')?.value).toBe('10.0.0.1');
});

test('ends with a given store when another provider fails at the start', async () => {
  const store = await storeOfRoutes();
  const opened: Routes[] = [];
  const mirrors = {
    routes: async (...call: Parameters<typeof routes>) => {
      opened.push(await routes(...call));
      return opened.at(-1)!;
    },
  };
  class AppModule {}
  const database = {
    ...{ provide: 'database', inject: [mirrorToken('routes')] },
    useFactory: () => Promise.reject(new Error('the database is down')),
  };
  Module({ imports: [HoldfastModule.forRoot({ store, mirrors })], providers: [database] })(AppModule);
  const starting = NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
  await expect(starting).rejects.toThrow('the database is down');
  await store.close();
  await eventually(() => {
    expect(opened.map(({ state }) => state.status)).toEqual(['closed']);
  });
});

test('refuses to be without a store', async () => {
  expect(() => HoldfastModule.forRoot({} as never)).toThrow('give HoldfastModule a store');
  const holdfast = HoldfastModule.forRootAsync({ useFactory: () => ({}) as never, mirrors: { routes } });
  await expect(start(holdfast)).rejects.toThrow('give HoldfastModule a store');
});

test.each([
  [{ store: 'etcd-v3://127.0.0.1' }, 'This is a string'],
  [{ store: memoryStore(), mirror: {} }, 'has no option "mirror"'],
  [{ store: memoryStore(), mirrors: { routes: 'x' } }, 'mirrors.routes must be a function'],
  [{ store: memoryStore(), isGlobal: 'yes' }, 'isGlobal must be true or false'],
  [{ store: memoryStore(), name: '' }, 'name must be a text'],
  [{ store: memoryStore(), name: 5 }, 'name must be a text'],
])('refuses %j', (options, message) => {
  expect(() => HoldfastModule.forRoot(options as never)).toThrow(message);
});

test.each([
  [{ store: () => undefined, mirrors: { routes } }, 'takes a store from the function of its option store'],
  [{ store: memoryStore(), mirrors: { routes: () => 5 } }, 'the function for the mirror "routes" gives no mirror'],
])('does not start with %j', async (options, message) => {
  await expect(start(HoldfastModule.forRoot(options as never))).rejects.toThrow(message);
});

test('refuses an asynchronous module without a factory', () => {
  expect(() => HoldfastModule.forRootAsync({ mirrors: { routes } } as never)).toThrow('useFactory');
  expect(() => HoldfastModule.forRootAsync({ store: memoryStore() } as never)).toThrow('has no option "store"');
});
