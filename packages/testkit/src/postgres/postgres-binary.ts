import { checkOptions, checkText } from '../check.js';

/** A PostgreSQL that tests can start. */
export interface PostgresBinary {
  /** For example `18.4`. */
  readonly version: string;
  /** The folder that holds `bin/postgres` and `bin/initdb`. */
  readonly folder: string;
}

const HOW_TO_GET_POSTGRES =
  'Install PostgreSQL 13 or newer, and name its folder, the one with bin/postgres: HOLDFAST_POSTGRES=18.4=/usr/lib/postgresql/18, ' +
  'or several of them separated by commas.';

/**
 * Every PostgreSQL that tests should run against: those of `HOLDFAST_POSTGRES`. Synchronous, for `describe.each`. Throws, saying what to
 * install, where there is none: a missing server is a failure and not a reason to run fewer tests.
 */
export function availablePostgres(): readonly PostgresBinary[] {
  const entries = (process.env['HOLDFAST_POSTGRES'] ?? '').split(',').filter((entry) => entry.trim() !== '');
  if (entries.length === 0) throw new Error(`No PostgreSQL found. ${HOW_TO_GET_POSTGRES}`);
  return entries.map((entry) => {
    const [, version, folder] = /^\s*([^=]+)=(.+?)\s*$/.exec(entry) ?? [];
    if (version === undefined || folder === undefined) {
      throw new Error(`HOLDFAST_POSTGRES: ${JSON.stringify(entry)} is not VERSION=FOLDER. ${HOW_TO_GET_POSTGRES}`);
    }
    return { version, folder };
  });
}

/** The PostgreSQL of that version, or of that series: `13` finds 13.23. Without one, the newest. */
export function findPostgres(wanted: { readonly version?: string | undefined } = {}): PostgresBinary {
  const { version } = checkOptions(wanted, ['version', 'folder'], 'findPostgres()');
  if (version !== undefined) checkText(version, 'version', "'18' or '13.23'");
  const all = availablePostgres();
  const matching = all.filter(
    (each) => version === undefined || each.version === version || each.version.startsWith(`${String(version)}.`),
  );
  const newest = [...matching].sort((a, b) => Number.parseFloat(b.version) - Number.parseFloat(a.version))[0];
  if (newest !== undefined) return newest;
  throw new Error(
    `No PostgreSQL ${String(version)} found, only ${all.map((each) => each.version).join(', ')}. ${HOW_TO_GET_POSTGRES}`,
  );
}
