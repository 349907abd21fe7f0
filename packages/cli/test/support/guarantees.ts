/** Who holds a promise: the names of checkers, and tests by their path. */
export interface Guarantee {
  readonly id: string;
  readonly name: string;
  /** Checkers of `checks/simulation`. */
  readonly worlds: readonly string[];
  /** Checkers of `checks/torture`. */
  readonly clusters: readonly string[];
  readonly tests: readonly string[];
}

/** Checkers over what plain watches and writers saw; the same in simulated worlds and on clusters. */
const watched = ['ordered', 'unique', 'reliable', 'atomic', 'resumable', 'bookmarkable'];

/** What conformance cases alone hold is named by them: see `docs/conformance.md`. */
export const clauseCheckers: Readonly<Record<string, Pick<Guarantee, 'worlds' | 'clusters'>>> = {
  C4: { worlds: ['linearizable'], clusters: ['equal', 'reads'] },
  C6: { worlds: ['linearizable'], clusters: ['applied once'] },
  C7: { worlds: ['linearizable', 'outcome'], clusters: ['applied once'] },
  C9: { worlds: ['linearizable', 'atomic'], clusters: ['atomic', 'untorn'] },
  C10: { worlds: watched, clusters: watched },
  C11: { worlds: ['buffer', 'resumable', 'reliable'], clusters: ['resumable', 'reliable', 'watchers'] },
  C12: { worlds: ['truthful', 'resources'], clusters: ['truthful', 'ends', 'watchers'] },
  C13: { worlds: ['equal', 'reliable', 'alarm', 'foreign'], clusters: ['equal', 'ends', 'foreign'] },
  C14: { worlds: [], clusters: ['reads', 'writes'] },
};

export const mirrorGuarantees: readonly Guarantee[] = [
  {
    id: 'M1',
    name: 'Equality',
    worlds: ['equal', 'truthful', 'convergence', 'ends'],
    clusters: ['equal', 'truthful', 'convergence'],
    tests: ['core/test/m01-equality.test.ts', 'cli/test/e2e-real-input.test.ts', 'cli/test/faults/v3-rows.test.ts'],
  },
  {
    id: 'M2',
    name: 'Snapshot, then stream',
    worlds: ['equal', 'listener', 'start'],
    clusters: ['equal', 'listener'],
    tests: ['core/test/m02-snapshot-then-stream.test.ts'],
  },
  {
    id: 'M3',
    name: 'A resync is a diff',
    worlds: ['listener', 'identity', 'version', 'alarm'],
    clusters: ['listener', 'equal'],
    tests: ['core/test/m03-resync-is-a-diff.test.ts', 'cli/test/faults/v3-restores.test.ts'],
  },
  {
    id: 'M4',
    name: 'One batch, one step',
    worlds: ['untorn', 'listener'],
    clusters: ['untorn', 'listener'],
    tests: ['core/test/m04-one-step.test.ts', 'cli/test/e2e-scale.test.ts'],
  },
  {
    id: 'M5',
    name: 'Keep last good',
    worlds: ['last-good', 'problems'],
    clusters: ['equal'],
    tests: ['core/test/m05-keep-last-good.test.ts', 'core/test/lazy.test.ts'],
  },
  {
    id: 'M6',
    name: 'Idle prefixes stay resumable',
    worlds: ['equal', 'truthful'],
    clusters: ['equal'],
    tests: ['core/test/m06-idle-prefixes.test.ts', 'cli/test/faults/v3-rows.test.ts'],
  },
  {
    id: 'M7',
    name: 'Silence is noticed',
    worlds: ['truthful', 'convergence'],
    clusters: ['truthful', 'bound'],
    tests: ['core/test/m07-silence.test.ts'],
  },
  {
    id: 'M8',
    name: 'Another history is noticed',
    worlds: ['equal', 'truthful', 'foreign'],
    clusters: ['equal', 'truthful', 'foreign'],
    tests: [
      'core/test/m08-another-history.test.ts',
      'core/test/m08-proof-by-the-watch.test.ts',
      'cli/test/faults/v3-restores.test.ts',
    ],
  },
  {
    id: 'M9',
    name: 'Herd-safe',
    worlds: ['convergence', 'start'],
    clusters: ['convergence', 'watchers'],
    tests: ['core/test/m09-herd-safe.test.ts', 'core/test/m09-bounded-burst.test.ts'],
  },
  {
    id: 'M10',
    name: 'A listener that throws',
    worlds: ['listener', 'internal'],
    clusters: [],
    tests: ['core/test/m10-listeners.test.ts'],
  },
  {
    id: 'M11',
    name: 'Cheap',
    worlds: ['resources', 'buffer'],
    clusters: ['watchers'],
    tests: ['core/test/m11-cheap.test.ts', 'cli/test/robustness'],
  },
  {
    id: 'M12',
    name: 'sync()',
    worlds: ['sync'],
    clusters: [],
    tests: ['core/test/m12-sync.test.ts'],
  },
];
