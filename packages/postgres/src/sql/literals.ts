import { invalidArgument } from '@holdfast/store/adapter';

// Statements are text without parameters: so one request carries a whole transaction, in one round trip, and no statement is prepared, which
// a pooler in transaction mode could not keep. Everything that comes from outside is hexadecimal digits or a checked number, so that no setting
// of the session can change what a literal means.

/** Bytes as an expression of type `bytea`. */
export function bytes(value: Uint8Array): string {
  return `decode('${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}','hex')`;
}

/** A whole number. @throws RangeError if it is not one */
export function integer(value: number | bigint | string): string {
  const text = String(value);
  if (!/^-?\d{1,19}$/.test(text)) throw new RangeError(`${text} is no whole number`);
  return text;
}

export function integerOrNull(value: number | bigint | string | undefined): string {
  return value === undefined ? 'NULL' : integer(value);
}

/** A text that has no quotes: names of channels, and what the package itself writes. */
export function plainText(value: string): string {
  if (!/^[\w:.-]*$/.test(value)) throw new RangeError(`${JSON.stringify(value)} needs quoting`);
  return `'${value}'`;
}

/** A text that may hold anything. */
export function anyText(value: string): string {
  return `convert_from(${bytes(Buffer.from(value))}, 'UTF8')`;
}

/** A name of a schema, quoted. @throws StoreError `invalid-argument` for a name that PostgreSQL would cut or refuse */
export function identifier(name: unknown): string {
  if (typeof name !== 'string' || name === '' || Buffer.byteLength(name) > 63 || name.includes('\0')) {
    throw invalidArgument('schema must be the name of a schema: 1 to 63 bytes, such as holdfast');
  }
  if (/^pg_/i.test(name))
    throw invalidArgument('schema must not begin with pg_: PostgreSQL keeps those names for itself');
  return `"${name.replaceAll('"', '""')}"`;
}

/** What a statement gave, as text. */
export type Row = readonly (string | null)[];

/** A column that may be NULL. */
export function optional(row: Row | undefined, column: number): string | undefined {
  return row?.[column] ?? undefined;
}

/** A column that is never NULL. */
export function text(row: Row | undefined, column: number): string {
  const value = row?.[column];
  if (typeof value !== 'string') throw new TypeError(`column ${column} of an answer is missing`);
  return value;
}

/** A column that holds a whole number. @throws RangeError past the safe integers: it is never rounded */
export function number(row: Row | undefined, column: number): number {
  const value = Number(text(row, column));
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text(row, column)} is past the safe integers`);
  return value;
}
