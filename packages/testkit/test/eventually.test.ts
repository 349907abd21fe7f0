import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { eventually } from '@holdfast/testkit';

/** For what never comes. What comes has the usual patience: on a busy machine a single try may take longer. */
const quickly = { timeoutMs: 60, intervalMs: 5 };
const patiently = { intervalMs: 5 };

describe('eventually', () => {
  test('gives what the assertion returned, once it holds', async () => {
    let tries = 0;
    const result = await eventually(async () => {
      tries += 1;
      expect(tries).toBeGreaterThan(2);
      return `after ${tries}`;
    }, patiently);
    expect(result).toBe('after 3');
  });

  test('throws the last failure, as it was', async () => {
    const failures: Error[] = [];
    const outcome = eventually(
      () => {
        failures.push(new Error(`failure ${failures.length}`));
        throw failures.at(-1) as Error;
      },
      { timeoutMs: 1_000, intervalMs: 5 },
    );
    await expect(outcome).rejects.toBeInstanceOf(Error);
    expect(failures.length).toBeGreaterThan(1);
    expect(await outcome.catch((error: unknown) => error)).toBe(failures.at(-1));
  });

  test('takes false for "not yet", so that a forgotten expect() does not pass', async () => {
    let tries = 0;
    await eventually(() => (tries += 1) > 1, patiently);
    expect(tries).toBe(2);
    await expect(eventually(() => false, quickly)).rejects.toThrow('still false');
  });

  test('does not wait for a try that hangs', async () => {
    await expect(eventually(() => new Promise(() => {}), quickly)).rejects.toThrow('still waiting for try 1');
    let first = true;
    const hangsAfterFailing = eventually(() => {
      if (!first) return new Promise(() => {});
      first = false;
      throw new Error('why it waits');
    }, quickly);
    await expect(hangsAfterFailing).rejects.toThrow('why it waits');
  });

  test('a try that fails at once is made at least once, whatever the time-out', async () => {
    expect(await eventually(() => 'at once', { timeoutMs: 0 })).toBe('at once');
  });
});

describe('HOLDFAST_PATIENCE', () => {
  const before = process.env['HOLDFAST_PATIENCE'];
  beforeEach(() => {
    delete process.env['HOLDFAST_PATIENCE'];
  });
  afterEach(() => {
    if (before === undefined) delete process.env['HOLDFAST_PATIENCE'];
    else process.env['HOLDFAST_PATIENCE'] = before;
  });

  /** How long it waits for what never comes, as its message says. */
  const waited = (timeoutMs: number) => expect(eventually(() => false, { timeoutMs })).rejects;

  test('is how many times as long as usual a condition may take', async () => {
    await waited(10).toThrow('tries in 10 ms');
    process.env['HOLDFAST_PATIENCE'] = '2.5';
    await waited(10).toThrow('tries in 25 ms');
    process.env['HOLDFAST_PATIENCE'] = '';
    await waited(10).toThrow('tries in 10 ms');
  });

  test.each(['much', '0', '-1', 'Infinity', 'NaN'])('is refused as %s', async (given) => {
    process.env['HOLDFAST_PATIENCE'] = given;
    await waited(10).toThrow(`HOLDFAST_PATIENCE is ${given}; it takes a number above 0, such as HOLDFAST_PATIENCE=4`);
  });
});
