import type { Page } from '@holdfast/store';
import type { Deadline } from '@holdfast/store/adapter';

/**
 * The pages of a scan. The time limit is the store's: none of it passes while a page is used, however long a slow process takes to decode and
 * validate what is in it.
 */
export async function* timedPages(
  pages: AsyncIterable<Page>,
  deadline: Deadline,
): AsyncGenerator<Page, void, undefined> {
  for await (const page of pages) {
    deadline.suspend();
    try {
      yield page;
    } finally {
      // Also where the scan is ended early, which is a call to the store too.
      deadline.extend();
    }
    deadline.signal.throwIfAborted();
  }
}
