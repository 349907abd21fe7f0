import type { Mutant } from '../mutant.js';

const KNOWN = 'packages/etcd-common/src/known-identity.ts';
const CENSUS = 'packages/etcd-common/src/identity-census.ts';
const KNOWN_TEST = 'packages/etcd-common/test/known-identity.test.ts';
const CENSUS_TEST = 'packages/etcd-common/test/identity-census.test.ts';

/** Which cluster's identity a store accepts: both etcd adapters go by it. */
export const etcdCommon: readonly Mutant[] = [
  {
    name: 'identity-accepted-by-time',
    trap: 23,
    why: 'a minute after an endpoint told it, another cluster is accepted, though two of three endpoints are merely down',
    file: KNOWN,
    find: 'return this.#acceptAfterMs !== undefined && since !== undefined && this.#now() - since >= this.#acceptAfterMs;',
    replace: 'return since !== undefined && this.#now() - since >= (this.#acceptAfterMs ?? 60_000);',
    caughtBy: { test: KNOWN_TEST, name: 'one foreign endpoint never takes over, however long the others are down' },
  },
  {
    name: 'identity-of-two-rounds',
    trap: 23,
    why: 'one foreign member that answers at one endpoint and then at another one has two votes of three',
    file: KNOWN,
    find: '    this.#answers = new Map();\n',
    replace: '',
    caughtBy: {
      test: KNOWN_TEST,
      name: 'one foreign member that answers at one endpoint after the other is no majority',
    },
  },
  {
    name: 'identity-of-one-round',
    trap: 23,
    why: 'one foreign member that goes from one endpoint to another within a round has two votes of three',
    file: KNOWN,
    find: '    const rounds = [this.#answers, this.#answersBefore];',
    replace: '    const rounds = [this.#answers];',
    caughtBy: {
      test: KNOWN_TEST,
      name: 'one that goes from one endpoint to another within a round is no majority either',
    },
  },
  {
    name: 'identity-not-compared',
    trap: 23,
    why: 'a new connection serves whichever cluster it reaches',
    file: CENSUS,
    find: '    if (identity !== this.identity.known) throw this.#refuse(endpoint, identity);\n',
    replace: '',
    caughtBy: { test: CENSUS_TEST, name: 'the other endpoints are asked, and a foreign one does not serve' },
  },
  {
    name: 'identity-of-one-connection',
    trap: 23,
    why: 'behind a balancer, one connection to a fresh member is enough for its cluster to take over',
    file: 'packages/etcd-common/src/ballots.ts',
    find: 'const SAMPLE = { connections: 9, ms: 3_000 };',
    replace: 'const SAMPLE = { connections: 1, ms: 0 };',
    caughtBy: {
      test: KNOWN_TEST,
      name: 'a balancer with one fresh member among three changes nothing, whichever way connections go',
    },
  },
  {
    name: 'identity-by-a-chance-majority',
    trap: 23,
    why: 'five of nine connections are a majority behind a balancer: by chance, one store in eight that has just begun follows one fresh member of three',
    file: 'packages/etcd-common/src/ballots.ts',
    find: 'const MAJORITY = { connections: 24, share: 2 / 3 };',
    replace: 'const MAJORITY = { connections: 9, share: 5 / 9 };',
    caughtBy: {
      test: KNOWN_TEST,
      name: 'a balancer that leads connections anywhere by chance seldom makes a fresh member of three the majority',
    },
  },
  {
    name: 'identity-answers-break-no-streak',
    trap: 23,
    why: 'connections to another cluster count although the known one goes on answering behind the same name',
    file: KNOWN,
    find: '    this.#ballots.get(endpoint)?.contradict(identity);\n',
    replace: '',
    caughtBy: { test: KNOWN_TEST, name: 'one connection to the known cluster, or one answer of it, breaks the streak' },
  },
  {
    name: 'identity-never-taken-back',
    trap: 23,
    why: 'a store that a balancer led to a fresh member stays there, though most members are back',
    file: KNOWN,
    find: '    if (this.#former.includes(identity)) return true;\n',
    replace: '',
    caughtBy: { test: CENSUS_TEST, name: 'led to the fresh member alone while the others were away is followed back' },
  },
  {
    name: 'identity-of-the-first-endpoint',
    trap: 23,
    why: 'a store takes the cluster of the endpoint that it reaches first, and asks no other one',
    file: CENSUS,
    find: 'const others = endpoints().filter((endpoint) => endpoint !== first);',
    replace: 'const others = endpoints().filter((endpoint) => endpoint === undefined);',
    caughtBy: { test: CENSUS_TEST, name: 'the other endpoints are asked, and a foreign one does not serve' },
  },
  {
    name: 'store-random-unguarded',
    trap: 24,
    why: 'what a user gives as random may throw in a timer, which ends the process',
    file: 'packages/store/src/random.ts',
    find: '  return () => {\n    try {',
    replace: "  if (typeof given === 'function') return given;\n  return () => {\n    try {",
    caughtBy: { test: 'packages/store/test/random.test.ts', name: 'are replaced where there is' },
  },
];
