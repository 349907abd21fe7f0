import Sequencer from '@jest/test-sequencer';

// The longest tests run first, so that no worker still runs one of them while the others are idle. On a fresh clone Jest knows no
// durations, and would order files by size.
const longest = [
  'packages/etcd-v3/test/conformance.test.ts',
  'packages/postgres/test/conformance.test.ts',
  'packages/etcd-v3/test/traps.test.ts',
  'checks/mutation/test/mutants.test.ts',
  'packages/testkit/test/mutants-of-watches.test.ts',
  'packages/etcd-v3/test/watch-faults.test.ts',
  'packages/cli/test/faults/v3-rows.test.ts',
  'packages/testkit/test/mutants.test.ts',
  'checks/torture/test/campaign.test.ts',
  'checks/fuzz/test/sample.test.ts',
  'checks/hostile/test/sample.test.ts',
  'packages/cli/test/robustness/alive.test.ts',
  'bench/test/smoke.test.ts',
  'bench/test/fleet.test.ts',
  'packages/etcd-v2/test/cluster.test.ts',
  'checks/simulation/test/campaign.test.ts',
  'packages/cli/test/faults/v2-rows.test.ts',
  'packages/cli/test/faults/clusters.test.ts',
  'packages/etcd-v2/test/conformance.test.ts',
  'packages/etcd-v3/test/watch-cluster.test.ts',
  'packages/cli/test/faults/v3-restores.test.ts',
  'packages/etcd-v3/test/foreign-users.test.ts',
  'packages/cli/test/faults/v3-users.test.ts',
  'packages/core/test/etcd-overtaken-load.test.ts',
  // A name that nobody knows is still looked up when its test is over, which keeps the last worker from ending.
  'packages/etcd-v3/test/time-outs.test.ts',
  'packages/etcd-v2/test/time-outs.test.ts',
  'packages/etcd-v3/test/cluster.test.ts',
  'packages/cli/test/quickstart.test.ts',
  'packages/cli/test/e2e-real-input.test.ts',
  'packages/cli/test/e2e-scale.test.ts',
  // The longest of npm run test:fast.
  '.ci/test/published-types.test.ts',
  '.ci/test/rooms.test.ts',
  '.ci/test/npm-pack.test.ts',
  'packages/testkit/test/runners.test.ts',
  'checks/fleet/test/fleet.test.ts',
];

/** Runs the tests of the list in its order, then the others in Jest's. */
export default class LongestFirst extends Sequencer {
  sort(tests) {
    const rank = ({ path }) => {
      const index = longest.findIndex((name) => path.endsWith(name));
      return index === -1 ? longest.length : index;
    };
    return super.sort(tests).sort((a, b) => rank(a) - rank(b));
  }
}
