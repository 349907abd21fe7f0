// `npm run test:fast`: every test that needs no server and not the built command. A test that asks for a server here fails, with a message that says why.
import { join } from 'node:path';
import base from '../jest.config.js';
import { root } from './pnpm.mjs';
import { sortTests } from './server-tests.mjs';

// Programs that tests run find no etcd either.
process.env.HOLDFAST_ETCD = '';
process.env.HOLDFAST_POSTGRES = '';
process.env.ETCD_BIN = join(root, '.ci', 'no-etcd-in-test-fast');

// The campaigns are the same but shorter: npm test has the rest.
process.env.HOLDFAST_WORLDS = '5';
process.env.HOLDFAST_BROKEN_STORES = 'few';
process.env.MIRROR_SEEDS = '5';
process.env.HOLDFAST_SAMPLE = 'few';

const { globalSetup: _, ...rest } = base;

export default {
  ...rest,
  id: 'fast',
  rootDir: root,
  testMatch: sortTests().fast.map((path) => `<rootDir>/${path}`),
  moduleNameMapper: { '/etcd-binary\\.js$': '<rootDir>/.ci/no-etcd.cjs', ...base.moduleNameMapper },
};
