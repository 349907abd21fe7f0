// The rules of dependency-cruiser: no circle of imports, and no room imports one above it (.ci/rooms.json).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './pnpm.mjs';

const inside = (source, names) => `^${source}/(${names.join('|')})(/|\\.ts$)`;

function rulesOf(source, layout) {
  const upward = layout.order.slice(0, -1).map((part, index) => ({
    name: `${source}: ${part} imports nothing above it`,
    severity: 'error',
    from: { path: inside(source, [part]) },
    to: { path: inside(source, layout.order.slice(index + 1)) },
  }));
  const apart = (layout.apart ?? []).flatMap(([one, other]) =>
    [
      [one, other],
      [other, one],
    ].map(([from, to]) => ({
      name: `${source}: ${from} and ${to} never import each other`,
      severity: 'error',
      from: { path: inside(source, [from]) },
      to: { path: inside(source, [to]) },
    })),
  );
  return [...upward, ...apart];
}

/** The configuration for these layouts: folder of sources → its parts, from the ground up. */
export const configOf = (layouts) => ({
  forbidden: [
    {
      name: 'no circle of imports',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    ...Object.entries(layouts).flatMap(([source, layout]) => rulesOf(source, layout)),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|node_modules)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: join(root, '.ci', 'tsconfig.check.json') },
  },
});

export default configOf(JSON.parse(readFileSync(join(root, '.ci', 'rooms.json'), 'utf8')));
