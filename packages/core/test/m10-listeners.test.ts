import type { Logger } from '@holdfast/store';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { PREFIX, thing, world, type World } from './support/world.js';

describe('M10 a listener that throws', () => {
  let w: World;
  const reported: unknown[] = [];
  const nothing = () => undefined;
  const logger: Logger = {
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: (_message, details) => reported.push((details?.['error'] as Error).message),
  };
  beforeEach(async () => {
    w = world();
    reported.length = 0;
    await w.data.put(`${PREFIX}a`, thing(1));
  });
  afterEach(() => w.close());

  test('breaks neither the mirror nor the other listeners, of whatever event', async () => {
    const heard: string[] = [];
    const mirror = await w.open({
      logger,
      livenessMs: 3_000,
      onChange: () => {
        throw new Error('onChange');
      },
      onInvalid: () => {
        throw new Error('onInvalid');
      },
      onState: () => {
        throw new Error('onState');
      },
    });
    const failing = (name: string) => () => {
      throw new Error(name);
    };
    for (const name of ['change', 'state', 'invalid', 'resync'] as const) {
      mirror.on(name, failing(`first ${name}`));
      mirror.on(name, () => heard.push(name));
      mirror.once(name, failing(`second ${name}`));
    }
    mirror.subscribe(failing('replay'), { replay: true });
    await w.data.put(`${PREFIX}b`, thing(2));
    await w.data.put(`${PREFIX}c`, 'bad');
    await w.until(() => heard.includes('invalid'));
    w.data.wipe();
    await w.until(() => heard.includes('resync'));
    expect(new Set(heard)).toEqual(new Set(['change', 'state', 'invalid', 'resync']));
    await w.data.put(`${PREFIX}d`, thing(4));
    await w.until(() => mirror.has('d') && mirror.state.status === 'live');
    expect(reported.filter((name) => name === 'second change')).toHaveLength(1);
    expect(reported).toEqual(expect.arrayContaining(['onChange', 'onInvalid', 'onState', 'replay', 'first resync']));
  });

  test('an async listener that rejects is reported, and not left unhandled', async () => {
    const mirror = await w.open({ logger });
    mirror.on('change', async () => {
      await Promise.resolve();
      throw new Error('later');
    });
    await w.data.put(`${PREFIX}b`, thing(2));
    await w.until(() => reported.includes('later'));
  });

  test('off and once do what they say, and a listener may take itself off, or others, while it runs', async () => {
    const mirror = await w.open();
    const heard: string[] = [];
    const second = () => heard.push('second');
    const first = () => {
      heard.push('first');
      mirror.off('change', first);
    };
    mirror
      .on('change', first)
      .on('change', second)
      .once('change', () => heard.push('once'));
    await w.data.put(`${PREFIX}b`, thing(2));
    await w.until(() => mirror.has('b'));
    await w.data.put(`${PREFIX}c`, thing(2));
    await w.until(() => mirror.has('c'));
    mirror.off('change', second);
    await w.data.put(`${PREFIX}d`, thing(2));
    await w.until(() => mirror.has('d'));
    expect(heard).toEqual(['first', 'second', 'once', 'second']);
  });

  test('an event that does not exist is refused, with those that do', async () => {
    const mirror = await w.open();
    expect(() => mirror.on('changed' as 'change', nothing)).toThrow(
      /'changed'; there are 'change', 'state', 'invalid' and 'resync'/,
    );
    expect(() => mirror.on('change', 'x' as never)).toThrow(/must be a function/);
  });
});
