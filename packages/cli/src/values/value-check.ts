/** What is wrong with the value of a key. */
export interface Issue {
  readonly key: string;
  readonly reason: string;
}

/** Checks values, by a JSON Schema or by an application's own configuration. */
export interface ValueCheck {
  /** The prefix of the keys that it is about, or the one key. */
  readonly range: { readonly prefix: string } | { readonly key: string };
  covers(key: string): boolean;
  /** @param entries only such as it covers */
  issues(entries: ReadonlyMap<string, Uint8Array>): Promise<readonly Issue[]>;
}

export interface Verdict {
  readonly issues: readonly Issue[];
  /** How many keys no check covers. */
  readonly unchecked: number;
}

/** Everything that the checks find, in the order of the keys. A key may be covered by several: it has to please all of them. */
export async function verdictOf(
  checks: readonly ValueCheck[],
  entries: ReadonlyMap<string, Uint8Array>,
): Promise<Verdict> {
  const found: Issue[] = [];
  const covered = new Set<string>();
  for (const check of checks) {
    const own = new Map([...entries].filter(([key]) => check.covers(key)));
    for (const key of own.keys()) covered.add(key);
    found.push(...(await check.issues(own)));
  }
  const order = new Map([...entries.keys()].map((key, index) => [key, index]));
  const issues = found.sort((a, b) => (order.get(a.key) ?? 0) - (order.get(b.key) ?? 0));
  return { issues, unchecked: entries.size - covered.size };
}
