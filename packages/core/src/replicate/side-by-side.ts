/** How many calls are under way at once. */
const AT_ONCE = 16;

/** Does the same with each of many. The first failure counts at once: it ends the replication, and that ends the others, which may be retrying. */
export async function sideBySide<T>(all: readonly T[], work: (each: T) => Promise<void>): Promise<void> {
  for (let from = 0; from < all.length; from += AT_ONCE) await Promise.all(all.slice(from, from + AT_ONCE).map(work));
}
