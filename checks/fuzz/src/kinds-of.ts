import type { View } from './plan.js';

type Fields = Readonly<Record<string, unknown>>;

/** What a call is counted as: its method, and what is special about it. */
export function kindsOf({ prefixes, readOnly }: View, method: string, args: readonly unknown[]): readonly string[] {
  const special = [
    ...specialOf(args),
    ...(prefixes.length > 0 ? ['in withPrefix'] : []),
    ...(readOnly ? ['in readOnly'] : []),
  ];
  return [method, ...special.map((each) => `${method}: ${each}`)];
}

const OPTIONS: readonly string[] = [
  ...[
    'revision',
    'minModRevision',
    'limit',
    'sort',
    'keysOnly',
    'countOnly',
    'consistency',
    'previous',
    'lease',
    'ttl',
    'ignoreValue',
  ],
  ...[
    'ignoreLease',
    'ifAbsent',
    'ifPresent',
    'ifModRevision',
    'ifValue',
    'physical',
    'id',
    'after',
    'only',
    'bufferBytes',
    'signal',
    'timeoutMs',
  ],
];

function specialOf(args: readonly unknown[]): readonly string[] {
  const fields = args.filter(
    (arg): arg is Fields => typeof arg === 'object' && arg !== null && !(arg instanceof Uint8Array),
  );
  const names = new Set(fields.flatMap(Object.keys));
  const [first] = args;
  return [
    ...OPTIONS.filter((name) => names.has(name)),
    ...(names.has('prefix') ? ['of a prefix'] : []),
    ...(names.has('start') || names.has('end') ? ['of an interval'] : []),
    ...(isNested(first) ? ['nested'] : []),
  ];
}

function isNested(txn: unknown): boolean {
  const { then, else: otherwise } = (txn ?? {}) as { readonly then?: unknown; readonly else?: unknown };
  return [then, otherwise].some(
    (ops) => Array.isArray(ops) && ops.some((op) => (op as Fields | null)?.['type'] === 'txn'),
  );
}
