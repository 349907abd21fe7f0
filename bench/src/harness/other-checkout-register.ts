// `node --import` runs this before a side: `@holdfast/*` is then what HOLDFAST_BENCH_AGAINST has.
import { register } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [, script = ''] = process.argv;
register(pathToFileURL(join(dirname(resolve(script)), 'harness', 'other-checkout-hooks.js')).href);
