/** The writers' values. Every write has its own number, over all epochs, and names its epoch. */
export interface Value {
  readonly n: number;
  readonly epoch: number;
}

export function goodText(value: Value): string {
  return JSON.stringify(value);
}

/** Not JSON: a mirror keeps the last good value of such a key, and lists it as a problem. */
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
