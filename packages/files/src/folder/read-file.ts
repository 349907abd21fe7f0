import { constants, type BigIntStats } from 'node:fs';
import { open } from 'node:fs/promises';
import { badContent } from '../format/bad-content.js';
import { signatureOf } from './signature.js';

/** What was read, in one piece. */
export interface ReadContent {
  readonly content: Uint8Array;
  /** Of the file that was read: before and after it was the same. `undefined` if the file was changed meanwhile. */
  readonly signature: string | undefined;
}

/**
 * Reads a whole file, and never waits for a pipe or a device.
 *
 * @throws StoreError `invalid-argument` for what is no file, or too large; and what the file system says
 */
export async function readWhole(
  path: Buffer | string,
  { maxBytes, isLink }: { maxBytes: number; isLink: boolean },
): Promise<ReadContent> {
  const { O_RDONLY, O_NONBLOCK = 0, O_NOFOLLOW = 0 } = constants as Partial<typeof constants>;
  const file = await open(path, (O_RDONLY ?? 0) | O_NONBLOCK | (isLink ? 0 : O_NOFOLLOW));
  try {
    const before = await file.stat({ bigint: true });
    check(before, maxBytes);
    const content = new Uint8Array(Number(before.size));
    let length = 0;
    while (length < content.length) {
      const { bytesRead } = await file.read(content, length, content.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    const signature = signatureOf(before);
    const isSame = length === content.length && signature === signatureOf(await file.stat({ bigint: true }));
    return { content: content.subarray(0, length), signature: isSame ? signature : undefined };
  } finally {
    await file.close();
  }
}

function check(facts: BigIntStats, maxBytes: number): void {
  if (!facts.isFile()) throw badContent('it is no file: put files here');
  if (facts.size <= BigInt(maxBytes)) return;
  throw badContent(`it has ${facts.size} bytes, and ${maxBytes} are allowed: make it smaller, or set maxFileBytes`);
}
