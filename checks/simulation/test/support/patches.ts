// Breaks code for the length of a test.
const undo: (() => void)[] = [];

/** Puts another method in the place of one, until the test is over. */
export function replace<T extends object, K extends keyof T>(
  target: T,
  name: K,
  make: (original: T[K]) => T[K],
): undefined {
  const descriptor = Object.getOwnPropertyDescriptor(target, name);
  if (descriptor === undefined) throw new Error(`${String(name)} is not there to be replaced`);
  Object.defineProperty(target, name, { ...descriptor, value: make(descriptor.value as T[K]) });
  undo.push(() => {
    Object.defineProperty(target, name, descriptor);
  });
}

/** Has a method do nothing, until the test is over. */
export function leaveOut<T extends object>(target: T, name: keyof T): undefined {
  replace(target, name, () => (() => undefined) as T[keyof T]);
}

/** Another getter in the place of one, until the test is over. */
export function replaceGetter<T extends object>(
  target: T,
  name: keyof T,
  make: (get: () => unknown, self: T) => unknown,
): undefined {
  const descriptor = Object.getOwnPropertyDescriptor(target, name);
  if (descriptor === undefined) throw new Error(`${String(name)} is not there to be replaced`);
  Object.defineProperty(target, name, {
    ...descriptor,
    get(this: T) {
      return make(() => descriptor.get?.call(this) as unknown, this);
    },
  });
  undo.push(() => {
    Object.defineProperty(target, name, descriptor);
  });
}

export function restoreAll(): void {
  for (const restore of undo.splice(0).reverse()) restore();
}
