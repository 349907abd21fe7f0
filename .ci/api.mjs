// The public surface of every published package, as one report for each entry point: packages/*/api/*.api.md.
//
//   npm run api               writes the reports anew
//   node .ci/api.mjs --check  fails if a report differs from what the sources give
//
// The reports are committed, so that a review sees each change of what users can import. Both forms read the built types in dist/esm.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { CompilerState, Extractor, ExtractorConfig } from '@microsoft/api-extractor';
import { root } from './pnpm.mjs';

const check = process.argv.includes('--check');
const work = mkdtempSync(join(tmpdir(), 'holdfast-api-'));

/** `packages/core` and `./yaml` → the types, and the report, `packages/core/api/core-yaml.api.md`. */
function entriesOf(folder) {
  const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
  if (manifest.private === true) return [];
  return Object.entries(manifest.exports).flatMap(([path, target]) => {
    const types = target.import?.types;
    if (types === undefined) return [];
    const report = `${basename(folder)}${path === '.' ? '' : path.slice(1).replaceAll('/', '-')}.api.md`;
    return [{ folder, types, report: join(folder, 'api', report) }];
  });
}

/** How an entry point is read: its built types, and a report in a folder of this run. */
function configOf({ folder, types, report }) {
  return ExtractorConfig.prepare({
    configObject: {
      projectFolder: join(root, folder),
      mainEntryPointFilePath: join(root, folder, types),
      compiler: {
        overrideTsconfig: { extends: join(root, '.ci', 'tsconfig.base.json'), include: [join(root, folder, types)] },
      },
      apiReport: {
        enabled: true,
        reportFileName: basename(report),
        reportFolder: work,
        reportTempFolder: join(work, 'temp'),
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      newlineKind: 'lf',
      // This tool does not judge TSDoc's style, and Holdfast has no release tags: every export of an entry point is public.
      messages: {
        compilerMessageReporting: { default: { logLevel: 'error' } },
        extractorMessageReporting: {
          default: { logLevel: 'none' },
          'ae-forgotten-export': { logLevel: 'none', addToApiReportFile: true },
        },
        tsdocMessageReporting: { default: { logLevel: 'none' } },
      },
    },
    configObjectFullPath: join(root, folder, 'api-extractor.json'),
    packageJsonFullPath: join(root, folder, 'package.json'),
  });
}

/** One program of all entry points: with one for each, the types that they share would be read twenty times. */
function programOf(entries) {
  const [first, ...others] = entries;
  return CompilerState.create(configOf(first), {
    additionalEntryPoints: others.map(({ folder, types }) => join(root, folder, types)),
  });
}

/** Extracts the report from the built types. */
function extract(entry, compilerState) {
  const { folder, report } = entry;
  mkdirSync(join(work, 'temp'), { recursive: true });
  const { succeeded } = Extractor.invoke(configOf(entry), {
    compilerState,
    localBuild: true,
    messageCallback: (message) => {
      message.handled = message.logLevel !== 'error';
    },
  });
  if (!succeeded) throw new Error(`${folder}: its types could not be read. Is it built? npm run build`);
  return readFileSync(join(work, basename(report)), 'utf8');
}

function difference(report, text) {
  const wanted = join(work, basename(report));
  writeFileSync(wanted, text);
  return spawnSync('git', ['diff', '--no-index', '--no-color', '--', report, wanted], { cwd: root, encoding: 'utf8' })
    .stdout;
}

try {
  const entries = readdirSync(join(root, 'packages')).flatMap((name) => entriesOf(join('packages', name)));
  const program = programOf(entries);
  const stale = entries
    .map((entry) => ({ ...entry, text: extract(entry, program) }))
    .filter(({ report, text }) => !existsSync(join(root, report)) || readFileSync(join(root, report), 'utf8') !== text);
  for (const { report, text } of stale) {
    if (check) {
      console.log(existsSync(join(root, report)) ? difference(report, text) : `${report} is missing`);
    } else {
      mkdirSync(join(root, report, '..'), { recursive: true });
      writeFileSync(join(root, report), text);
      console.log(`wrote ${report}`);
    }
  }
  if (check && stale.length > 0) {
    console.log(
      `The public surface changed: ${stale.map(({ report }) => report).join(', ')}. ` +
        'If that is meant, run npm run api, commit the reports, and add a changeset: npm run changeset.',
    );
    process.exitCode = 1;
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
