import { PassThrough } from 'node:stream';
import { expect, test } from '@jest/globals';
import { eventually } from '@holdfast/testkit';
import { progressBar } from '../../src/terminal/progress.js';

const collected = (columns?: number) => {
  let text = '';
  const stream = new PassThrough().on('data', (chunk: Buffer) => (text += chunk.toString()));
  const terminal = columns === undefined ? {} : { isTTY: true, columns };
  return { stderr: Object.assign(stream, terminal), env: {}, text: () => text };
};

test('long work shows how many keys, the rate and the time that is left, on a terminal only', async () => {
  const [wide, narrow, none] = [collected(80), collected(40), collected()];
  const bars = [wide, narrow, none].map((io) => progressBar(io, 'keys'));
  let done = 0;
  await eventually(() => {
    done += 1;
    for (const bar of bars) bar.update(done, 1_000_000);
    if (!narrow.text().includes('keys')) throw new Error('no bar yet');
  });
  for (const bar of bars) bar.stop();
  expect(wide.text()).toMatch(/#*-+ \d+\/1000000 keys, [\d,]+\/s, .* left/);
  expect(narrow.text()).toMatch(/\d+\/1000000 keys, [\d,]+\/s/);
  expect(none.text()).toBe('');
});
