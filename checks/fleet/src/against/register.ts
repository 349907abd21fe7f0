// `node --import` runs this first: the mirrors of the fleet are then those of another checkout.
import { register } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [, script = ''] = process.argv;
register(pathToFileURL(join(dirname(resolve(script)), 'against', 'hooks.js')).href);
