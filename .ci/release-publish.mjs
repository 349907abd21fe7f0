// `npm run release:publish [-- --dry-run]`: publishes every package that is not private and whose version the registry does not have yet. CI runs it
// for a tag (.github/workflows/publish.yml), where NPM_CONFIG_PROVENANCE makes npm sign the build's origin.
import { pnpm } from './pnpm.mjs';

// CI publishes from a tag. pnpm's checks of git would refuse that, because a tag is no branch.
pnpm(['--recursive', 'publish', '--access', 'public', '--no-git-checks', ...process.argv.slice(2)], {
  stdio: 'inherit',
});
