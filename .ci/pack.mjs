// `npm run pack`: writes a tarball of each published package to tarballs/, for projects that install Holdfast before it is on a registry.
import { rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { packAll } from './packed.mjs';
import { root } from './pnpm.mjs';

const target = join(root, 'tarballs');
rmSync(target, { recursive: true, force: true });
for (const tarball of packAll(target).values()) console.log(relative(root, tarball));
