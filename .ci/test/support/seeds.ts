/** `count` seeds from `first` on, for one test that is repeated. npm run test:fast tries a quarter of them, npm test all. */
export function seeds(first: number, count: number): number[] {
  const length = process.env['HOLDFAST_SEEDS'] === 'few' ? Math.ceil(count / 4) : count;
  return Array.from({ length }, (_, index) => first + index);
}
