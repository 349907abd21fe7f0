// The configuration of a run with one mutation: the tests as ever, through a transform that changes sources on their way.
// The mutation comes in the environment, since a child process is told nothing else that Jest passes on.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import base from '../../../jest.config.js';

const mutation = JSON.parse(process.env.HOLDFAST_MUTATION ?? 'null');
const [pattern] = Object.keys(base.transform);
const { globalSetup: _, ...rest } = base; // Who starts the run has the etcd servers already, and says where they are.

// What a mutant doesn't do it won't do later either: the tests' patience is for busy machines, and here it would be waited out.
const haste = JSON.parse(readFileSync(new URL('haste.json', import.meta.url), 'utf8'));

export default {
  ...rest,
  rootDir: fileURLToPath(new URL('../../..', import.meta.url)),
  // One place in the cache for all mutations: the files that they leave alone are transformed once.
  id: 'mutation',
  // A mutant is told apart from a busy machine by what a test says, never by how long it takes.
  testTimeout: 400_000,
  transform: {
    [pattern]: [
      fileURLToPath(new URL('transform.mjs', import.meta.url)),
      { swc: base.transform[pattern][1], mutations: mutation === null ? [] : [mutation, haste] },
    ],
  },
};
