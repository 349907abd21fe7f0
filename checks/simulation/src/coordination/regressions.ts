/** Seeds whose worlds have shown a fault of coordination, or of these worlds, with what it was. */
export const coordinationRegressions: readonly { readonly seed: number; readonly what: string }[] = [
  {
    seed: 116,
    what: 'a removal was refused while rights were away, and the key blocked its queue as long as the session',
  },
  { seed: 89, what: 'a session that held nothing outlived its history, and kept an old key in the restored store' },
  {
    seed: 5278,
    what: 'a session had forgotten its own release, and did not notice that the store went back behind it',
  },
];
