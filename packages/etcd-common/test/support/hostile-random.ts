/** Random numbers as users may give them: a delay made of one is no delay, and a throw in a timer would end the process. */
export const HOSTILE_RANDOM: readonly (readonly [what: string, random: () => number])[] = [
  ['are no numbers', () => NaN],
  ['are out of range', () => -7],
  [
    'throw',
    () => {
      throw new Error('no more');
    },
  ],
];
