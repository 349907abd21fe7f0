import { mutants } from '@holdfast/testkit';
import { describeBrokenStores } from './support/broken-stores.js';

// C10 to C16; the others are in mutants.test.ts.
describeBrokenStores(mutants.filter(({ id }) => /^C1\d\./.test(id)));
