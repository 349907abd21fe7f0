export { exclusive, fenced, inOrder, nothingLeft, served, toldInTime } from './checkers.js';
export { Resource, type Happening, type History } from './history.js';
export { Succession, type Candidate, type QueueChange, type Reign } from './succession.js';
export { noPhantom, observed, type Acquisition, type Told } from './succession-checkers.js';
