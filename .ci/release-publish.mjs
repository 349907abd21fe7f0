// `npm run release:publish [-- --dry-run]`: publishes every package that is not private and whose version the registry does not have yet. CI runs it
// for a tag (.github/workflows/publish.yml), where NPM_CONFIG_PROVENANCE makes npm sign the build's origin.
import { readdirSync } from 'node:fs';
import { apply, restore } from './address.mjs';
import { manifest } from './packed.mjs';
import { pnpm, root } from './pnpm.mjs';

const folders = readdirSync(`${root}/packages`).map((name) => `packages/${name}`);
const published = folders.filter((folder) => manifest(folder).private !== true);

// pnpm reads the manifests before it runs their scripts, so they are addressed here.
try {
  for (const folder of published) apply(folder);
  // CI publishes from a tag. pnpm's checks of git would refuse that, because a tag is no branch.
  pnpm(['--recursive', 'publish', '--access', 'public', '--no-git-checks', ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, CI: 'true', HOLDFAST_ADDRESSED: '1' },
  });
} finally {
  for (const folder of published) restore(folder);
}
