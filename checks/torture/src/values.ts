/** What the writers write: every write has a number of its own, over all epochs, and says in which epoch it was made. */
export interface Value {
  readonly n: number;
  readonly epoch: number;
}

export function goodText(value: Value): string {
  return JSON.stringify(value);
}

/** No JSON: a mirror keeps the last good value of such a key, and lists it. */
export function badText({ n }: Value): string {
  return `{unreadable ${n}`;
}

/** Whether mirrors can show it. */
export function isGood(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
