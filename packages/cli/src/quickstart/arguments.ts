import { QuickstartError } from './quickstart-error.js';

export const USAGE = `Usage: npm run quickstart [-- [URL] [FILE.jsonl] [--compact]]

  URL         memory: (the default), etcd-v3://127.0.0.1:2379, or etcd-v2://… for etcd's v2 keys API
  FILE.jsonl  lines of {"key": "/a", "value": …}; by default a small gateway configuration
  --compact   compact the history of a shared etcd, too, for the last step

The program works below a key prefix of its own and removes it at the end.`;

export interface Arguments {
  readonly url: string;
  readonly file: string | undefined;
  /** The user allows the compaction of a store that others use too. */
  readonly compact: boolean;
  readonly help: boolean;
}

// As in `memory:` and `etcd-v3://…`. A single letter is a Windows drive, and so a file.
const URL_LIKE = /^[a-z][a-z0-9+.-]+:/i;

/** @throws QuickstartError for unknown options and too many arguments. */
export function parseArguments(args: readonly string[]): Arguments {
  const options = args.filter((arg) => arg.startsWith('-'));
  const words = args.filter((arg) => !arg.startsWith('-'));
  const unknown = options.find((option) => !['--compact', '--help', '-h'].includes(option));
  if (unknown !== undefined) throw new QuickstartError(`There is no option ${unknown}.\n\n${USAGE}`);
  const urls = words.filter((word) => URL_LIKE.test(word));
  const files = words.filter((word) => !URL_LIKE.test(word));
  if (urls.length > 1 || files.length > 1) {
    throw new QuickstartError(`One URL and one file at most, not ${words.join(' ')}.\n\n${USAGE}`);
  }
  return {
    url: urls[0] ?? 'memory:',
    file: files[0],
    compact: options.includes('--compact'),
    help: options.includes('--help') || options.includes('-h'),
  };
}
