/** How soon everything must work again after an attack, on a busy machine: for `eventually`. */
export const BACK = { timeoutMs: 30_000 };
