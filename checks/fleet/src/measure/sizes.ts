/** The range that is read and watched. */
export const PREFIX = { prefix: '/fleet/' } as const;

/** The numbers of keys at which reads are measured. */
export const SIZES = [10_000, 100_000] as const;

/** Each figure is the median of so many. */
export const REPEATS = 5;

/** As in the row that is reproduced: so many transactions of so many keys. */
export const TRANSACTIONS = 30;
export const KEYS_EACH = 100;
