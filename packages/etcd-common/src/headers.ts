import { invalidArgument } from '@holdfast/store/adapter';

/** The names of headers that a user may set. */
export interface HeaderRule {
  readonly allows: (name: string) => boolean;
  /** What names may consist of, for the message: "letters, digits and dashes". */
  readonly made: string;
}

/** @throws StoreError `invalid-argument`. The message never repeats a value. */
export function checkHeaders(
  headers: Readonly<Record<string, string>>,
  { allows, made }: HeaderRule,
): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries(headers)) {
    if (!allows(name)) {
      throw invalidArgument(
        `headers: ${/^[\w.-]+$/.test(name) ? JSON.stringify(name) : 'a name'} is not a header that can be set: use ${made}`,
      );
    }
    if (typeof value !== 'string' || !/^[ -~]*$/.test(value)) {
      throw invalidArgument(
        `headers: the value of ${JSON.stringify(name)} must be a string of printable ASCII characters`,
      );
    }
  }
  return headers;
}
