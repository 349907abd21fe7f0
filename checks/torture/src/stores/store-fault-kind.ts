/** What is done to stores without a cluster of their own: to the database or the folder, and to the processes that use it. */
export const storeFaultKinds = [
  'kill',
  'restart',
  'crash',
  'cut',
  'cut-after-bytes',
  'black-hole',
  'delay',
  'pooler-kill',
  'long-transaction',
  'failover',
  'restore',
  'compaction',
  'writer-kill',
  'writer-pause',
  'full',
  'folder-away',
] as const;

export type StoreFaultKind = (typeof storeFaultKinds)[number];
