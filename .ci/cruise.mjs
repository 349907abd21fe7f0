// Prints what dependency-cruiser finds in several places: `node .ci/cruise.mjs '[{ "cwd", "config", "folders" }, ...]'`.
// One process for all of them: most of a run's time is its start.
// cspell:ignore depcruise
import { resolve } from 'node:path';
import { cruise } from 'dependency-cruiser';
import extractOptions from 'dependency-cruiser/config-utl/extract-depcruise-options';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';

const found = [];
for (const { cwd, config, folders } of JSON.parse(process.argv[2])) {
  process.chdir(cwd);
  const options = await extractOptions(resolve(config));
  const tsConfig = extractTSConfig(options.tsConfig.fileName);
  const { output } = await cruise(folders, options, undefined, { tsConfig });
  const { totalCruised, violations } = output.summary;
  found.push({ totalCruised, violations });
}
console.log(JSON.stringify(found));
