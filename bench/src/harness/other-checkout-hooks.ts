import type { ResolveHook } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

// Not imported from other-checkout.ts: hooks run in a thread of their own.
const folder = process.env['HOLDFAST_BENCH_AGAINST'] ?? '';
const inside = pathToFileURL(join(folder, '/')).href;
/** What the bench of the other checkout imports is what its packages are. */
const importer = pathToFileURL(join(folder, 'bench', 'package.json')).href;

export const resolve: ResolveHook = async (specifier, context, next) => {
  const isOurs = specifier.startsWith('@holdfast/') && context.parentURL?.startsWith(inside) !== true;
  if (!isOurs) return next(specifier, context);
  try {
    return await next(specifier, { ...context, parentURL: importer });
  } catch (error) {
    // An older checkout has everything in the main entry point.
    const [, name = ''] = specifier.split('/');
    if (specifier === `@holdfast/${name}`) throw error;
    return next(`@holdfast/${name}`, { ...context, parentURL: importer });
  }
};
