/** A value as TypeScript would write it. Long texts are cut, since they are there to be long. */
export function show(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return showText(value);
    case 'bigint':
      return `${value}n`;
    case 'symbol':
      return `Symbol(${JSON.stringify(value.description)})`;
    case 'function':
      return "() => 'a'";
    case 'object':
      return value === null ? 'null' : showObject(value);
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'boolean':
    case 'undefined':
      return String(value);
  }
}

const LONGEST = 200;
const SHORT_RUN = 4;

function showText(text: string): string {
  const [first = ''] = text;
  if (text.length > LONGEST && text === first.repeat(text.length)) return `${quoted(first)}.repeat(${text.length})`;
  return text.length > LONGEST
    ? `${quoted(text.slice(0, LONGEST))} /* and ${text.length - LONGEST} more */`
    : quoted(text);
}

function quoted(text: string): string {
  // Everything that a terminal would not show as it is.
  const escaped = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${escaped.replace(/[^\x20-\x7e]/gu, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`)}'`;
}

function showObject(value: object): string {
  if (Array.isArray(value)) return showArray(value);
  if (value instanceof Uint8Array) return showBytes(value);
  if (value instanceof AbortSignal) return value.aborted ? 'AbortSignal.abort()' : 'signal';
  if (value instanceof Map) return `new Map(${show([...value])})`;
  const fields = Object.entries(value).map(([name, field]) => {
    const key = /^[a-z_$][\w$]*$/i.test(name) ? name : quoted(name);
    return `${key}: ${show(field)}`;
  });
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
}

/** Many equal parts in a row are written once. */
function showArray(parts: readonly unknown[]): string {
  const shown: string[] = [];
  for (let start = 0, end = 0; start < parts.length; start = end) {
    while (end < parts.length && Object.is(parts[end], parts[start])) end += 1;
    const part = show(parts[start]);
    if (end - start > SHORT_RUN) shown.push(`...Array(${end - start}).fill(${part})`);
    else shown.push(...Array.from({ length: end - start }, () => part));
  }
  return `[${shown.join(', ')}]`;
}

function showBytes(bytes: Uint8Array): string {
  const [first = 0] = bytes;
  if (bytes.length > LONGEST && bytes.every((byte) => byte === first))
    return `new Uint8Array(${bytes.length}).fill(${first})`;
  return `Uint8Array.of(${[...bytes.subarray(0, LONGEST)].join(', ')}${bytes.length > LONGEST ? ', …' : ''})`;
}
