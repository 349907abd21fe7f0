import { existsSync } from 'node:fs';
import type { ResolveHook } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The folder of the other checkout. */
export const AGAINST_VARIABLE = 'HOLDFAST_FLEET_AGAINST';

const folder = process.env[AGAINST_VARIABLE] ?? '';
/** Only the fleet's own imports are the other checkout's: its mirror, and the wrapper of its stores. */
const ours = '/checks/fleet/dist/';
const IMPORTED = /^@holdfast\/(core|store)(?:\/(\w+))?$/;

export const resolve: ResolveHook = async (specifier, context, next) => {
  const [, name, entry = 'index'] = IMPORTED.exec(specifier) ?? [];
  if (name === undefined || context.parentURL?.includes(ours) !== true) return next(specifier, context);
  const dist = join(folder, 'packages', name, 'dist', 'esm');
  const file = join(dist, `${entry}.js`);
  // An older checkout has everything in the main entry point.
  const found = existsSync(file) ? file : join(dist, 'index.js');
  return { url: pathToFileURL(found).href, format: 'module', shortCircuit: true };
};
