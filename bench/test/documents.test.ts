import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { documents, RESULTS_FILE } from '../src/pages/publish.js';

const root = join(__dirname, '..', '..');

test('docs/performance.md and its plots are what the published results say', () => {
  expect(existsSync(join(root, RESULTS_FILE))).toBe(true);
  for (const [path, content] of Object.entries(documents(root))) {
    expect({ path, content: readFileSync(join(root, path), 'utf8') }).toEqual({ path, content });
  }
});
