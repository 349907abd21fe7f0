// `npm run release:publish [-- --dry-run]`: publishes every package that is not private and whose version the registry does not have yet. CI runs it
// for a tag (.github/workflows/publish.yml), where NPM_CONFIG_PROVENANCE makes npm sign what it was built from.
import { pnpm } from './pnpm.mjs';

// CI publishes a tag, which is no branch: that is what pnpm's checks of git would refuse.
pnpm(['--recursive', 'publish', '--access', 'public', '--no-git-checks', ...process.argv.slice(2)], {
  stdio: 'inherit',
});
