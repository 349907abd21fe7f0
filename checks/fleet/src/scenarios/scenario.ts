/** What happens to the fleet. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** Where the clients are when time begins to count. */
  readonly begins: 'lost server' | 'not started' | 'following';
  /** Whether the transactions and the compaction come while the clients are away, and not when the server is back. */
  readonly isWrittenBefore?: true;
  /** How many transactions there are, one right after the other, and of how many keys. */
  readonly transactions: number;
  readonly keysEach: number;
  /** Whether the history is compacted then. */
  readonly isCompacted: boolean;
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'comeback',
    title: 'The server is killed, and starts again 3 s later. 30 transactions of 100 keys follow at once.',
    begins: 'lost server',
    transactions: 30,
    keysEach: 100,
    isCompacted: false,
  },
  {
    name: 'quiet',
    title:
      'The server is killed, and starts again 3 s later. One key is written then, which shows when each mirror follows.',
    begins: 'lost server',
    transactions: 1,
    keysEach: 1,
    isCompacted: false,
  },
  {
    name: 'compacted',
    title:
      'The same with the 30 transactions, and the history is compacted after them: those who are late must read again.',
    begins: 'lost server',
    transactions: 30,
    keysEach: 100,
    isCompacted: true,
  },
  {
    name: 'resync',
    title: 'All of that happens before the server is back: everyone must read again, at once.',
    begins: 'lost server',
    transactions: 30,
    keysEach: 100,
    isCompacted: true,
    isWrittenBefore: true,
  },
  {
    name: 'start',
    title: 'All mirrors start at the same moment, as in a roll-out without a pause.',
    begins: 'not started',
    transactions: 0,
    keysEach: 0,
    isCompacted: false,
  },
];

export function scenarioOf(name: string): Scenario {
  const found = scenarios.find((each) => each.name === name);
  if (found === undefined)
    throw new Error(`there is no scenario ${name}; there are: ${scenarios.map((each) => each.name).join(', ')}`);
  return found;
}
