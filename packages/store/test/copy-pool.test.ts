import { CopyPool } from '@holdfast/store/adapter';
import { describe, expect, test } from '@jest/globals';

describe('copies in a pool', () => {
  test('are equal to what they are copies of, and alter neither that nor one another', () => {
    const pool = new CopyPool();
    const originals = Array.from({ length: 300 }, (_, n) => new Uint8Array((n * 37) % 3_000).fill(n));
    const copies = originals.map((bytes) => pool.copy(bytes));
    copies.forEach((copy, n) => {
      expect(Buffer.compare(copy, originals[n]!)).toBe(0);
      copy.fill(255 - (n % 256));
    });
    copies.forEach((copy, n) => {
      expect(copy.every((byte) => byte === 255 - (n % 256))).toBe(true);
      expect(originals[n]!.every((byte) => byte === n % 256)).toBe(true);
    });
  });

  test('hold on to little more than themselves', () => {
    const pool = new CopyPool();
    expect(pool.copy(new Uint8Array(100)).buffer.byteLength).toBe(8_192);
    expect(pool.copy(new Uint8Array(2_049)).buffer.byteLength).toBe(2_049);
    const memories = new Set(Array.from({ length: 80 }, () => pool.copy(new Uint8Array(100)).buffer));
    expect(memories.size).toBe(2);
  });

  test('of parts of a message hold neither the message nor more memory than its rest may need', () => {
    const pool = new CopyPool(1_024);
    const message = Buffer.from(Array.from({ length: 600 }, (_, n) => n % 251));
    const parts = [0, 100, 200, 590].map((start) => pool.copyOf(message, start, start + 10));
    expect(parts.map((part) => [...part])).toEqual(
      [0, 100, 200, 590].map((start) => [...message.subarray(start, start + 10)]),
    );
    expect(new Set(parts.map(({ buffer }) => buffer)).size).toBe(1);
    expect(parts[0]!.buffer.byteLength).toBe(600);
    expect(pool.copyOf(message, 300, 600).buffer.byteLength).toBe(300);
    expect(pool.copyOf(message, 7, 7)).toHaveLength(0);
    message.fill(0);
    expect(parts[1]![0]).toBe(100);
  });

  test("can't be taken away by who sends one of them to another thread", () => {
    const pool = new CopyPool();
    const [one, other] = [pool.copy(Uint8Array.of(1)), pool.copy(Uint8Array.of(2))];
    const { port1, port2 } = new MessageChannel();
    try {
      port1.postMessage(one, [one.buffer as ArrayBuffer]);
    } catch {
      // Newer releases of Node refuse it, older ones copy.
    } finally {
      port1.close();
      port2.close();
    }
    expect([...one, ...other]).toEqual([1, 2]);
  });
});
