/** The numbered clauses of the contract, with the headings of `docs/contract.md`. */
export const clauses = {
  C1: 'Keys and values',
  C2: 'Ranges',
  C3: 'Revisions and entries',
  C4: 'Reads',
  C5: 'Scan',
  C6: 'Writes and guards',
  C7: 'Ambiguity',
  C8: 'Leases and time to live',
  C9: 'Transactions',
  C10: 'Watch',
  C11: 'Slow consumers',
  C12: 'How a watch ends',
  C13: 'History change',
  C14: 'Errors',
  C15: 'Capabilities',
  C16: 'Policy once',
} as const;

export type ClauseId = keyof typeof clauses;
