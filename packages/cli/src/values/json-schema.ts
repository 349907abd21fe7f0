import { readFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Ajv, type AnySchemaObject, type ErrorObject, type Options } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { decodeUtf8, messageOf } from '@holdfast/store/adapter';
import { usage } from '../exit/command-error.js';
import { quoted } from '../text/inline.js';
import type { ValueCheck } from './value-check.js';

/** How many findings about one value are told. */
const SHOWN = 5;

/**
 * The values below a prefix have to be JSON that fits the JSON Schema in a file: draft 7, 2019-09 or 2020-12, by its `$schema`. A `$ref` to
 * another file is relative to this one. Nothing is ever fetched.
 *
 * @param warn hears of keywords that are no part of JSON Schema: they check nothing
 * @throws CommandError if the schema can't be used
 */
export async function jsonSchemaCheck(prefix: string, file: string, warn: (text: string) => void): Promise<ValueCheck> {
  try {
    const schema = await readSchema(file);
    const options: Options = {
      allErrors: true,
      strict: false,
      strictSchema: 'log',
      logger: { log: warn, warn, error: warn },
      loadSchema: (uri) => readSchema(fileOf(uri)),
    };
    const ajv = ajvFor(schema, options);
    // The package is CommonJS: its default export is a property for modules.
    (addFormats as unknown as typeof addFormats.default)(ajv);
    // What a $ref is relative to.
    const validate = await ajv.compileAsync({ $id: pathToFileURL(file).href, ...schema });
    return {
      range: { prefix },
      covers: (key) => key.startsWith(prefix),
      issues: async (entries) =>
        [...entries].flatMap(([key, value]) => {
          const reason = reasonFor(value, (parsed) => (validate(parsed) === true ? [] : (validate.errors ?? [])));
          return reason === undefined ? [] : [{ key, reason }];
        }),
    };
  } catch (error) {
    throw usage(
      `the schema ${quoted(file)} can't be used: ${messageOf(error)}`,
      'Write --schema PREFIX=FILE, where FILE holds a JSON Schema.',
    );
  }
}

function ajvFor({ $schema }: AnySchemaObject, options: Options): Ajv {
  const draft = String($schema ?? '');
  if (draft.includes('2020-12')) return new Ajv2020(options);
  if (draft.includes('2019-09')) return new Ajv2019(options);
  return new Ajv(options);
}

async function readSchema(file: string): Promise<AnySchemaObject> {
  const schema: unknown = JSON.parse(await readFile(file, 'utf8'));
  if (typeof schema === 'object' && schema !== null && !Array.isArray(schema)) return schema;
  throw new Error('it is no JSON object');
}

function fileOf(uri: string): string {
  if (uri.startsWith('file:')) return fileURLToPath(uri.replace(/#.*$/, ''));
  throw new Error(`it refers to ${uri}, and nothing is fetched: keep a copy beside it, and refer to that`);
}

function reasonFor(value: Uint8Array, check: (parsed: unknown) => readonly ErrorObject[]): string | undefined {
  const text = decodeUtf8(value);
  if (text === undefined) return 'not readable as JSON: it is not UTF-8';
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    return `not readable as JSON: ${messageOf(error)}`;
  }
  const errors = check(parsed);
  if (errors.length === 0) return undefined;
  const shown = [...new Set(errors.map(errorText))];
  const more = shown.length > SHOWN ? [`and ${shown.length - SHOWN} more`] : [];
  return `fails its schema: ${[...shown.slice(0, SHOWN), ...more].join('; ')}`;
}

function errorText({ instancePath, message, params, keyword }: ErrorObject): string {
  const at = instancePath.slice(1).replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~');
  const what =
    keyword === 'additionalProperties'
      ? ` (${JSON.stringify((params as { additionalProperty: unknown }).additionalProperty)})`
      : keyword === 'enum'
        ? ` (${JSON.stringify((params as { allowedValues: unknown }).allowedValues)})`
        : '';
  return `${at === '' ? '' : `${at}: `}${message ?? keyword}${what}`;
}
