import type { CompareOperator } from './txn.js';

/** Whether a compare holds, by the difference of what there is and what it names: negative, 0 or positive. */
export function satisfies(op: CompareOperator, difference: number): boolean {
  switch (op) {
    case '=':
      return difference === 0;
    case '!=':
      return difference !== 0;
    case '<':
      return difference < 0;
    case '>':
      return difference > 0;
    default:
      return op satisfies never;
  }
}
