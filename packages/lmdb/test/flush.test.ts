import { afterAll, describe, expect, test } from '@jest/globals';
import { newFolder, removeFolders } from './support/folders.js';
import { buildProgram } from './support/program.js';
import { canTrace, traceAcks } from './support/trace.js';

afterAll(removeFolders);

// A kill keeps what the operating system has: only the system calls show that a write was flushed before it was acknowledged.
function underStrace(): void {
  test("with 'always', each acknowledgement comes after the flush of its bytes, many writers at once too", async () => {
    const { acks, faults } = await traceAcks(buildProgram('writer'), [newFolder(), 'w', 'always', '3', '4']);
    expect(faults).toEqual([]);
    expect(acks).toBe(12);
  });

  test('a build without the flush is found', async () => {
    const program = buildProgram('writer', {
      find: 'overlappingSync: false,',
      replace: 'overlappingSync: false, noSync: true,',
    });
    const { faults } = await traceAcks(program, [newFolder(), 'w', 'always', '1', '3']);
    expect(faults).toHaveLength(3);
    expect(faults[0]).toMatch(/acknowledged before its bytes were flushed/);
  });
}

if (canTrace) describe('under strace', underStrace);
else {
  test('strace is not there, or may not trace: whether acknowledgements come after the flush is not tested', () => {
    process.stderr.write('install strace to test that acknowledgements of the lmdb store come after the flush\n');
    expect(canTrace).toBe(false);
  });
}
