export type { FileProblem } from './folder/problem.js';
