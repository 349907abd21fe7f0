import * as coordination from '@holdfast/coordination';

/** What is under test. Another one takes its place to show that a checker finds what is wrong with it. */
export type Implementation = Pick<typeof coordination, 'openSession' | 'observeLeader' | 'transact'>;

export const holdfast: Implementation = coordination;
