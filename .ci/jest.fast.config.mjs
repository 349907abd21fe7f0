// `npm run test:fast`: every test that needs no server. There is none to be had in it: who asks for one is told why.
import { join } from 'node:path';
import base from '../jest.config.js';
import { root } from './pnpm.mjs';
import { sortTests } from './server-tests.mjs';

// For programs that tests run: this is what they find where they look for etcd.
process.env.HOLDFAST_ETCD = '';
process.env.ETCD_BIN = join(root, '.ci', 'no-etcd-in-test-fast');

const { globalSetup: _, ...rest } = base;

export default {
  ...rest,
  id: 'fast',
  rootDir: root,
  testMatch: sortTests().fast.map((path) => `<rootDir>/${path}`),
  moduleNameMapper: { '/etcd-binary\\.js$': '<rootDir>/.ci/no-etcd.cjs', ...base.moduleNameMapper },
};
