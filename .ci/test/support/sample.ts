/** Cases of one test, of which npm run test:fast tries a quarter, and npm test all. */
export function sample<T>(cases: readonly T[]): T[] {
  return process.env['HOLDFAST_SAMPLE'] === 'few' ? cases.filter((_, index) => index % 4 === 0) : [...cases];
}

/** `count` seeds from `first` on, sampled. */
export function seeds(first: number, count: number): number[] {
  return sample(Array.from({ length: count }, (_, index) => first + index));
}
