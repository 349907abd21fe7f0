import { memoryStore } from '@holdfast/memory';
import { StoreError } from '@holdfast/store';
import { afterEach, describe, expect, test } from '@jest/globals';
import { mirror } from '../src/index.js';
import { PREFIX, thing, world, type World } from './support/world.js';

interface Line {
  readonly level: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

function recorder() {
  const lines: Line[] = [];
  const at =
    (level: string) =>
    (message: string, details: Line['details'] = {}) => {
      lines.push({ level, message, details });
    };
  return { lines, logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } };
}

describe('the name of a mirror', () => {
  let w: World | undefined;
  afterEach(async () => {
    await w?.close();
    w = undefined;
  });

  test('begins each of its log messages, and is among their details', async () => {
    w = world();
    const { lines, logger } = recorder();
    await w.data.put(`${PREFIX}a`, thing(1));
    const opened = await w.open({ name: 'routes of eu-1', logger });
    opened.on('change', () => {
      throw new Error('on purpose');
    });
    await w.data.put(`${PREFIX}a`, thing(2));
    await w.until(() => lines.some(({ level }) => level === 'error'));
    w.script.failWatches(new StoreError('compacted', 'gone'));
    w.script.failWatches(new StoreError('internal', 'out of order'));
    await w.until(() => lines.some(({ message }) => message.includes('resync')));
    expect(opened.name).toBe('routes of eu-1');
    for (const { message, details } of lines) {
      expect(message).toMatch(/^mirror routes of eu-1: ./);
      expect(details).toMatchObject({ mirror: 'routes of eu-1' });
    }
    expect(lines.find(({ level }) => level === 'error')?.details['error']).toMatchObject({ message: 'on purpose' });
  });

  test('tells at once, in words, that the store is away and that it is back', async () => {
    w = world();
    const { lines, logger } = recorder();
    const opened = await w.open({ logger });
    await w.until(() => w?.script.opened.length === 1);
    w.script.cut();
    const said = () => lines.filter(({ level }) => level === 'info').map(({ message }) => message);
    expect(said().at(-1)).toBe(
      'mirror /things/: the connection to the store is interrupted: the connection was cut (endpoint 127.0.0.1:1)',
    );
    w.script.heal();
    await w.until(() => opened.state.connection === 'connected');
    expect(said().at(-1)).toBe('mirror /things/: the store answers again');
  });

  test('is the prefix or the key by default', async () => {
    await using store = memoryStore();
    await store.put('/app/limits', '1');
    await using prefixed = await mirror(store, { prefix: '/app/' });
    await using single = await mirror(store, { key: '/app/limits' });
    await using several = await mirror(store, { prefix: '/app/', collections: { limits: { key: 'limits' } } });
    await using everything = await mirror(store, { prefix: '' });
    expect([prefixed.name, single.name, several.name, everything.name]).toEqual(['/app/', '/app/limits', '/app/', '']);
  });

  test.each([5, '', null, {}])('can not be %j', async (name) => {
    await using store = memoryStore();
    await expect(mirror(store, { prefix: '/', name: name as never })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/name must be a string that is not empty/),
    });
  });
});
