const EVERY_MS = 10_000;

/** Calls back at most every ten seconds, the first time after ten. */
export function nowAndThen<A extends readonly unknown[]>(tell: (...of: A) => void): (...of: A) => void {
  let told = performance.now();
  return (...of) => {
    if (performance.now() - told < EVERY_MS) return;
    told = performance.now();
    tell(...of);
  };
}
