export { type Mutant, type Mutation, occurrences, type PromiseId } from './mutant.js';
export { mutants } from './mutants/index.js';
export { type FullReport, withoutTheirTest } from './named-tests.js';
export { mutantTables, runSummary } from './page.js';
export { type MutantResult, type MutationRun, readRun, RESULTS_FILE } from './results.js';
export { type MutantRun, runMutant } from './run-mutant.js';
export { expectedSeconds, partsOf, type SampleOptions, sampleOf } from './sample.js';
export { type JestReport, type Verdict, verdictOf } from './verdict.js';
