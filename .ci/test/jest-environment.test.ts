import { expect, test } from '@jest/globals';

test('a test that listens for warnings of Node hears them', async () => {
  const warnings: string[] = [];
  const onWarning = ({ message }: Error): void => void warnings.push(message);
  process.on('warning', onWarning);
  process.emitWarning('printed on purpose: a test listens for it');
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', onWarning);
  expect(warnings).toEqual(['printed on purpose: a test listens for it']);
});
