/** A protobuf message as its fields come: numbers, and bytes that may be messages. */
export type Field = readonly [field: number, value: bigint | Buffer];

/** What a field's value becomes: another one, several, or none. */
export type Edit = (value: bigint | Buffer) => bigint | Buffer | readonly (bigint | Buffer)[];

export function parse(buffer: Buffer): Field[] {
  const fields: Field[] = [];
  let position = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = buffer[position++] ?? 0;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (position < buffer.length) {
    const tag = Number(varint());
    if ((tag & 7) === 0) fields.push([tag >> 3, BigInt.asIntN(64, varint())]);
    else if ((tag & 7) === 2) {
      const length = Number(varint());
      fields.push([tag >> 3, buffer.subarray(position, position + length)]);
      position += length;
    } else throw new Error(`etcd has no fields of wire type ${tag & 7}`);
  }
  return fields;
}

export function build(fields: Iterable<Field>): Buffer {
  const parts: Buffer[] = [];
  for (const [field, value] of fields) {
    if (typeof value === 'bigint') parts.push(varint(BigInt(field * 8)), varint(value));
    else parts.push(varint(BigInt(field * 8 + 2)), varint(BigInt(value.length)), value);
  }
  return Buffer.concat(parts);
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

/** Changes the fields of this number, each of them; below one another along a path. */
export function edit(message: Buffer, [field, ...below]: readonly number[], change: Edit): Buffer {
  return build(
    parse(message).flatMap(([number, value]): Field[] => {
      if (number !== field) return [[number, value]];
      const changed = below.length === 0 ? change(value) : edit(value as Buffer, below, change);
      return (Array.isArray(changed) ? (changed as (bigint | Buffer)[]) : [changed as bigint | Buffer]).map((each) => [
        number,
        each,
      ]);
    }),
  );
}

/** Sets a number or bytes, in each message along the path. Etcd leaves out what is 0. */
export function set(message: Buffer, [field = 0, ...below]: readonly number[], value: bigint | Buffer): Buffer {
  if (below.length > 0) return edit(message, [field], (inner) => set(inner as Buffer, below, value));
  const fields = [...parse(message).filter(([number]) => number !== field), [field, value] as const];
  return build(fields.sort(([a], [b]) => a - b));
}

/** Leaves a field out. */
export function drop(message: Buffer, path: readonly number[]): Buffer {
  return edit(message, path, () => []);
}

/** Takes the fields of one number in another order, or other ones. */
export function rearrange(message: Buffer, field: number, change: (values: Buffer[]) => readonly Buffer[]): Buffer {
  const fields = parse(message);
  const values = fields.flatMap(([number, value]) => (number === field ? [value as Buffer] : []));
  const others = fields.filter(([number]) => number !== field);
  const changed = change(values).map((value) => [field, value] as const);
  return build([...others, ...changed].sort(([a], [b]) => a - b));
}
