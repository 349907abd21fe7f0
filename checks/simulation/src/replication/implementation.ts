import { replicate } from '@holdfast/core/replicate';

/** What is under test. Another one takes its place to show that a checker finds what is wrong with it. */
export type Implementation = typeof replicate;

export const holdfast: Implementation = replicate;
