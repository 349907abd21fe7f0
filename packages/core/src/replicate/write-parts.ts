import type { Write } from './ledger.js';

/** How many writes of the first copy are in one transaction, and how many bytes of values. */
const COPIED_AT_ONCE = { writes: 100, bytes: 512 * 1024 };

/** Many writes in parts that are worth a transaction each. */
export function* writeParts(writes: readonly Write[]): IterableIterator<readonly Write[]> {
  let part: Write[] = [];
  let size = 0;
  for (const write of writes) {
    const more = write.key.length + (write.type === 'put' ? write.value.length : 0);
    if (part.length > 0 && (part.length >= COPIED_AT_ONCE.writes || size + more > COPIED_AT_ONCE.bytes)) {
      yield part;
      part = [];
      size = 0;
    }
    part.push(write);
    size += more;
  }
  if (part.length > 0) yield part;
}
