import { Writable } from 'node:stream';
import { StoreError } from '@holdfast/store';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { z } from 'zod';
import { PREFIX, thing, world, type World } from './support/world.js';

interface Line {
  readonly level: number;
  readonly msg: string;
}
const [INFO, WARN, ERROR] = [30, 40, 50];

describe('what a mirror logs, by a real pino', () => {
  let w: World;
  const lines: Line[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(JSON.parse(chunk.toString()) as Line);
      done();
    },
  });
  const logger = pino({ level: 'info' }, stream);
  const said = (level: number, text: RegExp) => lines.filter((line) => line.level === level && text.test(line.msg));

  beforeEach(async () => {
    w = world();
    lines.length = 0;
    await w.data.put(`${PREFIX}a`, thing(1));
  });
  afterEach(() => w.close());

  test('a warning when it gets stale, with the reason, the cause and the endpoint; information when it has recovered', async () => {
    const mirrored = await w.open({ logger, livenessMs: 3_000 });
    w.script.cut(new StoreError('unavailable', 'connection refused', { endpoint: 'http://10.0.0.9:2379' }));
    await w.until(() => mirrored.state.status === 'stale');
    await w.until(
      () => said(WARN, /stale \((no-evidence|watch-failed)\): .*connection refused.*10\.0\.0\.9:2379/).length === 1,
    );
    expect(JSON.stringify(said(WARN, /stale/)[0])).toMatch(/"message":"connection refused"/);
    w.script.heal();
    await w.until(() => mirrored.state.status === 'live');
    expect(said(INFO, /live again/)).toHaveLength(1);
  });

  test('a warning for each new problem, with the key and the reason', async () => {
    const mirrored = await w.open({ logger, schema: z.object({ n: z.number() }) });
    await w.data.put(`${PREFIX}b`, '{"n":"many"}');
    await w.data.put(`${PREFIX}c`, '{');
    await w.until(() => mirrored.problems().length === 2);
    expect(said(WARN, /key "b" .*fails its schema: n/)).toHaveLength(1);
    expect(said(WARN, /key "c" .*not readable as json/)).toHaveLength(1);
    expect(said(WARN, /can't be shown/)).toHaveLength(2);
  });

  test('the error of a listener that failed', async () => {
    await w.open({
      logger,
      onChange: () => {
        throw new TypeError('boom');
      },
    });
    expect(said(ERROR, /a listener failed: boom/)).toMatchObject([
      { err: { type: 'TypeError', stack: expect.any(String) } },
    ]);
  });

  test('information for a resync', async () => {
    await w.open({ logger });
    w.data.wipe();
    await w.until(() => said(INFO, /resync done \(history-changed\): 1 keys differed/).length === 1);
    expect(said(INFO, /reads everything again \(history-changed\)/)).toHaveLength(1);
  });
});
