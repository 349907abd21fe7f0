import type { Capabilities } from '@holdfast/store';

type Show<Name extends keyof Capabilities> = (value: Capabilities[Name]) => string;

const yesOrNo = (value: boolean): string => (value ? 'yes' : 'no');
const limitOf =
  (unit: (limit: number) => string) =>
  (limit: number | undefined): string =>
    limit === undefined ? 'not declared' : unit(limit);

/** What each capability is called in prose, and how its values read. Complete, by its type. */
const ROWS: { readonly [Name in keyof Required<Capabilities>]: readonly [meaning: string, show: Show<Name>] } = {
  writes: ['keys can be written', (value) => yesOrNo(value ?? true)],
  transactions: ['transactions', (value) => (value === 'multi-key' ? 'any number of keys' : 'one key')],
  maxTxnOperations: ['operations in a transaction', limitOf(String)],
  guardReturnsCurrent: ['a failed guard tells the current entry', yesOrNo],
  rangeDeletes: ['ranges that can be deleted', (value) => (value === 'any' ? 'any' : 'exact directories')],
  rangeDeleteEvents: [
    "a deleted range in a watch's events",
    (value) => (value === 'delete-range' ? 'one `delete-range`' : 'a `delete` for each key'),
  ],
  history: [
    'how far back a watch can resume',
    (value) => {
      if (value === 'until-compacted') return 'until compacted';
      return value === 'none' ? 'not at all' : `${value.events.toLocaleString('en')} events of the whole server`;
    },
  ],
  progress: [
    "a watch's bookmark moves",
    (value) => (value === 'exact' ? 'with events, and while its range is idle' : 'with events only'),
  ],
  compaction: ['`compact`', yesOrNo],
  historicalReads: ['reads at a past revision', yesOrNo],
  deltaReads: ['reads of what changed since (`minModRevision`)', yesOrNo],
  serializableReads: ['cheaper reads that may be stale', yesOrNo],
  versions: ["an entry's `version`", yesOrNo],
  previousValues: ['previous entries with writes and events', yesOrNo],
  leases: ['leases', yesOrNo],
  leaseListing: ['a list of all leases', yesOrNo],
  ttl: ['`put` with a `ttl`', yesOrNo],
  keySyntax: ['keys', (value) => (value === 'any' ? 'any UTF-8' : 'paths')],
  binaryValues: ['values', (value) => (value ? 'any bytes' : 'UTF-8 text')],
  maxKeyBytes: ['size of a key', limitOf((bytes) => `${bytes} bytes`)],
  maxValueBytes: ['size of a value', limitOf((bytes) => `${bytes / 1024 / 1024} MiB`)],
  maxRequestBytes: ['size of a request', limitOf((bytes) => `${Math.round(bytes / 104_857.6) / 10} MiB`)],
};

/** What the backends declare, side by side. */
export function backendsTable(backends: Readonly<Record<string, Capabilities>>): string {
  const names = Object.keys(backends);
  const rows = (Object.keys(ROWS) as (keyof Capabilities)[]).map((name) => {
    const [meaning, show] = ROWS[name] as readonly [string, (value: unknown) => string];
    return [meaning, `\`${name}\``, ...names.map((backend) => show(backends[backend]?.[name]))];
  });
  const lines = [
    ['', 'capability', ...names.map((name) => `\`${name}\``)],
    ['', '', ...names].map(() => '---'),
    ...rows,
  ];
  return lines.map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}
