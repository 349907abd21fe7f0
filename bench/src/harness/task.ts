/** A side's task, in its own process. */
export interface Task {
  readonly params: Params;
  /** Tells the parent that the side reached a point. */
  tell(name: string, data?: unknown): void;
  /** Resolves with the parent's message of this name. */
  hear<T>(name: string): Promise<T>;
}

export type Params = Readonly<Record<string, string | number>>;

export function text(params: Params, name: string): string {
  const value = params[name];
  if (typeof value !== 'string') throw new Error(`parameter ${name} should be a text, and is ${String(value)}`);
  return value;
}

export function number(params: Params, name: string): number {
  const value = params[name];
  if (typeof value !== 'number') throw new Error(`parameter ${name} should be a number, and is ${String(value)}`);
  return value;
}

/** The messages between the parent and a side's process. */
export type Message =
  | { readonly kind: 'begin'; readonly row: string; readonly side: string; readonly params: Params }
  | { readonly kind: 'tell'; readonly name: string; readonly data?: unknown }
  | { readonly kind: 'done'; readonly sample: unknown }
  | { readonly kind: 'failed'; readonly message: string };
