import { resolve } from 'node:path';
import type { Command } from 'commander';
import { CommandError, usage } from '../exit/command-error.js';
import { EXIT } from '../exit/exit-code.js';
import type { Session } from '../session.js';
import { count, inline, quoted } from '../text/inline.js';
import { configCheck } from './config-check.js';
import { jsonSchemaCheck } from './json-schema.js';
import { verdictOf, type Issue, type ValueCheck } from './value-check.js';

/** The options that say what values have to be. */
export interface CheckFlags {
  readonly schema?: readonly string[];
  readonly config?: string;
}

export function addCheckFlags(command: Command): Command {
  return command
    .optionsGroup('What values have to be:')
    .option(
      '--schema <prefix=file>',
      'values below the prefix are JSON that fits the JSON Schema in the file; may be given several times',
      (text: string, before: readonly string[] | undefined) => [...(before ?? []), text],
    )
    .option(
      '--config <file>',
      "values are such as an application reads: a module whose default export has the shape of mirror()'s options, { prefix, collections }",
    )
    .optionsGroup('Options:');
}

/** The checks that are asked for. None, where nothing is said about values. */
export async function readChecks(
  session: Session,
  { schema = [], config }: CheckFlags,
): Promise<readonly ValueCheck[]> {
  const { cwd, importModule } = session.io;
  const checks: ValueCheck[] = [];
  for (const text of schema) {
    const end = text.lastIndexOf('=');
    if (end < 0)
      throw usage(`--schema takes PREFIX=FILE, and not ${quoted(text)}`, 'Write --schema /app/=app.schema.json');
    checks.push(
      await jsonSchemaCheck(text.slice(0, end), resolve(cwd, text.slice(end + 1)), (warning) => {
        void session.remark(inline(warning), { warning });
      }),
    );
  }
  if (config !== undefined) checks.push(await configCheck(resolve(cwd, config), importModule));
  return checks;
}

/** What is wrong with a value, on one line. */
export function issueLine({ key, reason }: Issue): string {
  return `${inline(key)}: ${inline(reason)}`;
}

const SHOWN = 20;

/**
 * Refuses values that fail their checks.
 *
 * @throws CommandError `invalid-argument` that lists them
 */
export async function refuseBadValues(
  checks: readonly ValueCheck[],
  wanted: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  const { issues } = await verdictOf(checks, wanted);
  if (issues.length === 0) return;
  const shown = issues.slice(0, SHOWN).map((issue) => `\n  ${issueLine(issue)}`);
  const more = issues.length > SHOWN ? `\n  … and ${issues.length - SHOWN} more` : '';
  throw new CommandError(
    'invalid-argument',
    EXIT.usage,
    `nothing was changed: ${count(issues.length, 'value')} would be bad:${shown.join('')}${more}`,
    'Mend the values, or the schema.',
  );
}
