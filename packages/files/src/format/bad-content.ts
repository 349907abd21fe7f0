import { StoreError } from '@holdfast/store';

/** What is wrong with a file or a name, as a sentence that says what to do. */
export function badContent(message: string): StoreError {
  return new StoreError('invalid-argument', message);
}
