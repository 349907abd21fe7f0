import { toRevision, type UndecodableKey } from '@holdfast/store';
import { isUtf8 } from 'node:buffer';
import { entryNumber, keyBounds, type RangeOutline } from '../protobuf/range.js';
import { TimeSlice } from './time-slice.js';

/** The entries of a response whose keys are UTF-8, and apart from them those whose keys are not (C1). */
export interface PageKeys {
  /** The start and the end of each entry, in turn. */
  readonly bounds: readonly number[];
  readonly undecodable: readonly UndecodableKey[];
  /** Whether every key is ASCII, and so needs no decoder. */
  readonly ascii: boolean;
}

/** How many entries are looked at between two looks at the time. */
const STEP = 512;

export async function findKeys({ buffer, bounds }: RangeOutline): Promise<PageKeys> {
  const slice = new TimeSlice();
  const undecodable: UndecodableKey[] = [];
  const bad = new Set<number>();
  let ascii = true;
  for (let i = 0; i < bounds.length; i += 2) {
    if (i % (2 * STEP) === 0) await slice.breathe();
    const start = bounds[i] ?? 0;
    const end = bounds[i + 1] ?? 0;
    // Etcd writes the key first, and keys below 128 bytes have a length of one.
    const length = buffer[start + 1] ?? 0;
    const plain = buffer[start] === 0x0a && length < 0x80;
    const { from, to } = plain ? { from: start + 2, to: start + 2 + length } : keyBounds(buffer, start, end);
    if (isAscii(buffer, from, to)) continue;
    ascii = false;
    if (isUtf8(buffer.subarray(from, to))) continue;
    bad.add(i);
    const revision = toRevision(entryNumber(buffer, start, end, 'mod'));
    undecodable.push({ rawKey: new Uint8Array(buffer.subarray(from, to)), revision, deleted: false });
  }
  const good = bad.size === 0 ? bounds : bounds.filter((_bound, i) => !bad.has(i - (i % 2)));
  return { bounds: good, undecodable, ascii };
}

function isAscii(buffer: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i += 1) if ((buffer[i] ?? 0) >= 0x80) return false;
  return true;
}
