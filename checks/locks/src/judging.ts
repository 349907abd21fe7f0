export { exclusive, fenced, inOrder, nothingLeft, served, toldInTime } from './checkers.js';
export { work, type Grip } from './contender.js';
export { Resource, type Happening, type History, type Worked } from './history.js';
export { Succession, type Candidate, type QueueChange, type Reign } from './succession.js';
export { noPhantom, observed, type Acquisition, type Told } from './succession-checkers.js';
