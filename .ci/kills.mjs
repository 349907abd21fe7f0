// `npm run kills`: kills a process that keeps a snapshot 200 times, at random moments under writes. See docs/warm-start.md.
import { join } from 'node:path';
import { provideEtcds } from './etcd.mjs';
import { node } from './run-check.mjs';

await provideEtcds();
process.env['HOLDFAST_KILLS'] ??= '200';
const test = join('packages', 'cli', 'test', 'robustness', 'warm-start.test.ts');
node(join('node_modules', 'jest', 'bin', 'jest.js'), '--runInBand', '--testNamePattern', 'killed at any moment', test);
