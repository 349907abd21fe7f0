// The rules of dependency-cruiser: no circle of imports but those of types that docs/architecture.md explains, and no room imports one above
// it (.ci/rooms.json).
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

/** The files that docs/architecture.md names where it explains which circles of types there are. */
function explainedFiles() {
  const page = readFileSync(join(root, 'docs', 'architecture.md'), 'utf8');
  const [, section = ''] = page.split(/^## Circles of types$/m);
  const [text = ''] = section.split(/^## /m);
  return [...text.matchAll(/\]\(\.\.\/([^)]+\.ts)\)/g)].map(([, path]) => path);
}

/**
 * The configuration.
 *
 * @param layouts folder of sources → its parts, from the ground up
 * @param explained files that may be in circles of type-only imports
 */
export const configOf = (layouts, explained = []) => ({
  forbidden: [
    {
      name: 'no circle of imports',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no circle of types that docs/architecture.md does not explain',
      severity: 'error',
      from: { pathNot: explained.map((path) => `^${path.replaceAll('.', '\\.')}$`) },
      to: { circular: true },
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

export default configOf(JSON.parse(readFileSync(join(root, '.ci', 'rooms.json'), 'utf8')), explainedFiles());
