import type { Bookmark } from '@holdfast/store';

/** What the checkers read in a record. */
export interface SeenRecord {
  readonly writer: string;
  readonly sequence: number;
  readonly bookmark?: Bookmark;
  readonly toward?: Bookmark;
}

export function parseRecord(text: string): SeenRecord {
  return JSON.parse(text) as SeenRecord;
}

/** Up to where the source was read for what this record comes with. */
export function progressOf({ bookmark, toward }: SeenRecord): Bookmark | undefined {
  return toward ?? bookmark;
}
