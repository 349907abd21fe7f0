import { describe, expect, test } from '@jest/globals';
import { toRevision, type Revision } from '@holdfast/store';
import { encodeUtf8, EntryPage, satisfies, type PageFacts } from '@holdfast/store/adapter';

interface Row {
  readonly name: string;
  readonly text: string;
  readonly at: number;
}

class RowPage extends EntryPage<Row> {
  key(index: number): string {
    return this.at(index).name;
  }

  value(index: number): Uint8Array {
    const { text } = this.at(index);
    return encodeUtf8(this.keysOnly ? '' : text);
  }

  modRevision(index: number): Revision {
    return toRevision(this.at(index).at);
  }

  createRevision(index: number): Revision {
    return toRevision(this.at(index).at);
  }

  version(): undefined {
    return undefined;
  }

  protected weigh({ text }: Row): number {
    return text.length;
  }
}

const rows: readonly Row[] = [
  { name: 'a', text: 'one', at: 3 },
  { name: 'b', text: 'three', at: 5 },
];
const facts: PageFacts = {
  bookmark: { revision: toRevision(9), identity: 'here' },
  total: 7,
  more: true,
  undecodable: [],
};

describe("a page over an adapter's own entries", () => {
  test('tells what it was made with, and how much its values keep in memory', () => {
    const page = new RowPage(rows, facts);
    expect(page).toMatchObject({ ...facts, length: 2, retainedBytes: 8 });
    expect([page.key(1), page.modRevision(1)]).toEqual(['b', 5]);
  });

  test('of keys alone keeps no values', () => {
    const page = new RowPage(rows, { ...facts, keysOnly: true });
    expect(page.retainedBytes).toBe(0);
    expect(page.value(0)).toHaveLength(0);
  });

  test.each([-1, 2, 0.5, Number.NaN])('has no entry at %p', (index) => {
    const page = new RowPage(rows, facts);
    for (const part of ['key', 'value', 'modRevision', 'createRevision'] as const)
      expect(() => page[part](index)).toThrow(new RangeError(`index ${index} is outside this page of 2`));
  });
});

test.each([
  ['=', [false, true, false]],
  ['!=', [true, false, true]],
  ['<', [true, false, false]],
  ['>', [false, false, true]],
] as const)('a compare with %s', (op, held) => {
  expect([-2, 0, 2].map((difference) => satisfies(op, difference))).toEqual(held);
});
