import { afterEach, expect, test } from '@jest/globals';
import { type EventDetails, OpenFeature, ProviderEvents, ProviderStatus } from '@openfeature/server-sdk';
import { json, mirror } from '@holdfast/core';
import { memoryStore } from '@holdfast/memory';
import { HoldfastProvider, toFlag } from '@holdfast/openfeature';
import type { ConfigStore } from '@holdfast/store';
import { SwitchableStore } from './support/switchable-store.js';

const stores: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await OpenFeature.clearProviders();
  OpenFeature.clearHandlers();
  await Promise.all(stores.splice(0).map((store) => store.close()));
});

/** A store that holds these flags, as JSON or as they are. */
async function storeOf(flags: Readonly<Record<string, unknown>>): Promise<ConfigStore> {
  const store = memoryStore();
  stores.push(store);
  for (const [name, flag] of Object.entries(flags)) await putFlag(store, name, flag);
  return store;
}

function putFlag(store: ConfigStore, name: string, flag: unknown) {
  return store.put(`/flags/${name}`, typeof flag === 'string' ? flag : JSON.stringify(flag));
}

const THEME = { state: 'ENABLED', variants: { dark: { accent: '#000' }, light: { accent: '#fff' } } };

test('gives flags of every type, with variants, metadata and reasons', async () => {
  const store = await storeOf({
    plain: true,
    rate: 2.5,
    motd: '"hello"',
    list: [1, 2],
    off: { state: 'DISABLED', variants: { on: true }, defaultVariant: 'on' },
    open: { state: 'ENABLED', variants: { on: true }, defaultVariant: null },
    theme: { ...THEME, defaultVariant: 'dark', metadata: { owner: 'web' }, targeting: {} },
  });
  await OpenFeature.setProviderAndWait(new HoldfastProvider({ store, prefix: '/flags/' }));
  const client = OpenFeature.getClient();
  expect(client.metadata.providerMetadata.name).toBe('holdfast');
  expect(await client.getBooleanDetails('plain', false)).toMatchObject({ value: true, reason: 'STATIC' });
  expect(await client.getNumberValue('rate', 0)).toBe(2.5);
  expect(await client.getStringValue('motd', '')).toBe('hello');
  expect(await client.getObjectValue('list', [])).toEqual([1, 2]);
  expect(await client.getBooleanDetails('off', false)).toMatchObject({ value: false, reason: 'DISABLED' });
  expect(await client.getBooleanDetails('open', false)).toMatchObject({ value: false, reason: 'DEFAULT' });
  expect(await client.getObjectDetails('theme', {})).toMatchObject({
    value: { accent: '#000' },
    variant: 'dark',
    reason: 'STATIC',
    flagMetadata: { owner: 'web' },
  });
});

test('gives the default of the call with the code of what is wrong', async () => {
  const store = await storeOf({
    text: '"a"',
    nothing: null,
    broken: '{',
    targeted: { ...THEME, defaultVariant: 'dark', targeting: { if: [] } },
    lost: { ...THEME, defaultVariant: 'toString' },
  });
  const provider = new HoldfastProvider({ store, prefix: '/flags/' });
  expect(await provider.resolveBooleanEvaluation('text', true)).toMatchObject({ errorCode: 'PROVIDER_NOT_READY' });
  await OpenFeature.setProviderAndWait(provider);
  const client = OpenFeature.getClient();
  const failed = (errorCode: string, errorMessage: unknown) => ({ value: 7, reason: 'ERROR', errorCode, errorMessage });
  const containing = (text: string): unknown => expect.stringContaining(text);
  const details = (name: string) => client.getNumberDetails(name, 7);
  expect(await details('text')).toMatchObject(failed('TYPE_MISMATCH', containing('text is of the type string')));
  expect(await details('nothing')).toMatchObject(failed('TYPE_MISMATCH', containing('null')));
  expect(await details('none')).toMatchObject(failed('FLAG_NOT_FOUND', containing('/flags/ has no flag none')));
  expect(await details('constructor')).toMatchObject({ errorCode: 'FLAG_NOT_FOUND' });
  expect(await details('broken')).toMatchObject(failed('PARSE_ERROR', containing('the flag broken is bad')));
  expect(await details('targeted')).toMatchObject(failed('PARSE_ERROR', containing('targeting is not evaluated')));
  expect(await details('lost')).toMatchObject(failed('PARSE_ERROR', containing('one of dark, light')));
});

test('goes on with the last good flag when a bad one is written, and tells which flags changed', async () => {
  const store = await storeOf({ a: 1, b: 1 });
  const flags = await mirror(store, { prefix: '/flags/', codec: json(), transform: toFlag });
  await OpenFeature.setProviderAndWait(new HoldfastProvider({ mirror: flags }));
  const client = OpenFeature.getClient();
  const changed: (readonly string[] | undefined)[] = [];
  client.addHandler(ProviderEvents.ConfigurationChanged, ((details: EventDetails) => {
    changed.push((details as { flagsChanged?: string[] }).flagsChanged);
  }) as never);
  await putFlag(store, 'a', '{');
  await store.txn({
    then: [
      { type: 'put', key: '/flags/b', value: '2' },
      { type: 'put', key: '/flags/c', value: '3' },
    ],
  });
  await flags.sync();
  expect(await client.getNumberDetails('a', 0)).toMatchObject({ value: 1, reason: 'STALE' });
  expect(await client.getNumberDetails('c', 0)).toMatchObject({ value: 3, reason: 'STATIC' });
  expect(changed).toEqual([['b', 'c']]);
  await putFlag(store, 'a', 4);
  await flags.sync();
  expect(await client.getNumberDetails('a', 0)).toMatchObject({ value: 4, reason: 'STATIC' });
  await flags.close();
});

test('does not let a caller change the flags of the others', async () => {
  const store = await storeOf({ theme: { accent: { r: 1 } } });
  await OpenFeature.setProviderAndWait(new HoldfastProvider({ store, prefix: '/flags/' }));
  const theme = await OpenFeature.getClient().getObjectValue<{ accent: { r: number } }>('theme', { accent: { r: 0 } });
  expect(() => {
    theme.accent.r = 2;
  }).toThrow(TypeError);
});

test('is stale while the mirror is, and ready again afterwards', async () => {
  const server = new SwitchableStore();
  stores.push(server);
  const { clock, store } = server;
  await putFlag(server.data, 'a', 1);
  let isSet = false;
  const setting = OpenFeature.setProviderAndWait(new HoldfastProvider({ store, clock, prefix: '/flags/' })).then(() => {
    isSet = true;
  });
  await server.until(() => isSet);
  await setting;
  const client = OpenFeature.getClient();
  const told: string[] = [];
  client.addHandler(ProviderEvents.Stale, (details) => void told.push(`stale: ${details?.message}`));
  client.addHandler(ProviderEvents.Ready, () => void told.push('ready'));
  server.takeAway();
  await server.until(() => client.providerStatus === ProviderStatus.STALE);
  expect(await client.getNumberDetails('a', 0)).toMatchObject({ value: 1, reason: 'STALE' });
  server.bringBack();
  await server.until(() => client.providerStatus === ProviderStatus.READY);
  expect(await client.getNumberDetails('a', 0)).toMatchObject({ value: 1, reason: 'STATIC' });
  expect(told[0]).toBe('ready');
  expect(told[1]).toMatch(/^stale: the flags may be out of date: the mirror is stale \(/);
  expect(told.at(-1)).toBe('ready');
});

test('is in error while the store is away at the start, and ready as soon as it answers', async () => {
  const server = new SwitchableStore();
  stores.push(server);
  const { clock, store } = server;
  await putFlag(server.data, 'a', 1);
  server.takeAway();
  const provider = new HoldfastProvider({ store, clock, prefix: '/flags/', startTimeoutMs: 1_000 });
  let failure: unknown;
  const setting = OpenFeature.setProviderAndWait(provider).catch((error: unknown) => {
    failure = error;
  });
  await server.until(() => failure !== undefined);
  await setting;
  const client = OpenFeature.getClient();
  expect(failure).toMatchObject({ code: 'timeout' });
  expect(client.providerStatus).toBe(ProviderStatus.ERROR);
  expect(await client.getNumberDetails('a', 7)).toMatchObject({ value: 7, errorCode: 'PROVIDER_NOT_READY' });
  server.bringBack();
  await server.until(() => client.providerStatus === ProviderStatus.READY);
  expect(await client.getNumberValue('a', 7)).toBe(1);
});

test('is in error when the store is closed under it, and keeps its flags', async () => {
  const store = await storeOf({ a: 1 });
  await OpenFeature.setProviderAndWait(new HoldfastProvider({ store, prefix: '/flags/' }));
  const client = OpenFeature.getClient();
  const failed = new Promise<EventDetails | undefined>((resolve) => client.addHandler(ProviderEvents.Error, resolve));
  await store.close();
  expect(await failed).toMatchObject({ message: expect.stringContaining('the mirror of the flags is closed') });
  expect(client.providerStatus).toBe(ProviderStatus.ERROR);
  expect(await client.getNumberDetails('a', 0)).toMatchObject({ value: 1, reason: 'STALE' });
});

test('closes the mirror that it has opened, and neither the store nor a mirror that it was given', async () => {
  const store = await storeOf({ a: 1 });
  const given = await mirror(store, { prefix: '/flags/', codec: json(), transform: toFlag });
  await OpenFeature.setProviderAndWait(new HoldfastProvider({ mirror: given }));
  const states: string[] = [];
  const own = new HoldfastProvider({ store, prefix: '/flags/', onState: ({ status }) => states.push(status) });
  await OpenFeature.setProviderAndWait('own', own);
  await OpenFeature.clearProviders();
  expect(given.state.status).toBe('live');
  expect(states.at(-1)).toBe('closed');
  expect(await store.get('/flags/a')).toBeDefined();
  // A provider can be used again after it was closed.
  await OpenFeature.setProviderAndWait(own);
  expect(await OpenFeature.getClient().getNumberValue('a', 0)).toBe(1);
  await given.close();
});

test('raises no error when it is replaced, or closed with the application', async () => {
  const store = await storeOf({ a: 1 });
  const failures: unknown[] = [];
  OpenFeature.addHandler(ProviderEvents.Error, (details) => void failures.push(details));
  await OpenFeature.setProviderAndWait(new HoldfastProvider({ store, prefix: '/flags/' }));
  const client = OpenFeature.getClient();
  client.addHandler(ProviderEvents.Error, (details) => void failures.push(details));
  await OpenFeature.setProviderAndWait(new HoldfastProvider({ store, prefix: '/flags/' }));
  expect(await client.getNumberValue('a', 0)).toBe(1);
  await OpenFeature.clearProviders();
  expect(failures).toEqual([]);
});

test('refuses options without flags, and a mirror that is closed', async () => {
  const store = await storeOf({});
  expect(() => new HoldfastProvider({ store } as never)).toThrow('give the provider a store and a prefix');
  expect(() => new HoldfastProvider({} as never)).toThrow('or a mirror of flags');
  const closed = await mirror(store, { prefix: '/flags/', codec: json(), transform: toFlag });
  await closed.close();
  await expect(OpenFeature.setProviderAndWait(new HoldfastProvider({ mirror: closed }))).rejects.toThrow('is closed');
});

test.each([
  [undefined, 'give the provider a store and a prefix'],
  [{ store: 'etcd-v3://127.0.0.1', prefix: '/flags/' }, 'This is a string'],
  [{ mirror: 5 }, 'must be a mirror of flags'],
  [{ mirror: Promise.resolve() }, 'must be a mirror of flags'],
])('refuses %j', (options, message) => {
  expect(() => new HoldfastProvider(options as never)).toThrow(message);
});

test('refuses options beside a mirror, which would do nothing', async () => {
  const given = await mirror(await storeOf({}), { prefix: '/flags/', codec: json(), transform: toFlag });
  expect(() => new HoldfastProvider({ mirror: given, prefix: '/other/' } as never)).toThrow('no option "prefix"');
  await given.close();
});
