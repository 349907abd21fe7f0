// The linter's rules that are the project's own: `.oxlintrc.json` names them with `holdfast/` before.
import { readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { root } from './pnpm.mjs';

/** Package folder → the workspace packages that its sources may import. Tests may import any of them. */
const direction = JSON.parse(readFileSync(join(root, '.ci', 'dependency-direction.json'), 'utf8'));
const folders = new Map(
  Object.keys(direction).map((folder) => [folder === 'cli' ? 'holdfast' : `@holdfast/${folder}`, folder]),
);

/** Whether a module is another package's code, by a path. */
const isByPath = (module) => /(?:^|\/)\.\.\/.*\b(?:src|test|dist)\//.test(module);

/** Whether a package's sources may not import a module: `core`, `@holdfast/memory`. */
function isAgainst(folder, module) {
  const [name] = /^(?:@[^/]+\/[^/]+|[^/]+)/.exec(module) ?? [];
  return folders.has(name) && !direction[folder].includes(name);
}

/** The package in whose sources a file is: `core`. */
function packageOf(filename) {
  const [room, folder, part] = relative(root, filename).split(sep);
  return (room === 'packages' || room === 'checks') && part === 'src' && folder in direction ? folder : undefined;
}

/** A rule that reports the nodes for which this gives a message. */
const rule = (types, messageFor) => ({
  create(context) {
    const check = (node) => {
      const message = messageFor(node, context);
      if (message !== undefined) context.report({ node, message });
    };
    return Object.fromEntries(types.map((type) => [type, check]));
  },
});

/** The name that a member is taken by, `a.name` or `a['name']`. */
const memberName = ({ property, computed }) => (computed ? property.value : property.name);

export default {
  meta: { name: 'holdfast' },
  rules: {
    'no-export-all': rule(['ExportAllDeclaration'], () => 'Name every export.'),

    'no-import-meta': rule(['MetaProperty'], ({ meta }) =>
      meta.name === 'import' ? 'The sources are compiled to CommonJS too.' : undefined,
    ),

    'dependency-direction': rule(
      ['ImportDeclaration', 'ExportNamedDeclaration', 'ExportAllDeclaration', 'ImportExpression'],
      ({ source }, { filename }) => {
        const folder = packageOf(filename);
        const module = source?.value;
        if (folder === undefined || typeof module !== 'string') return undefined;
        if (isByPath(module)) return "Import another package by its name, and never a test's code.";
        if (!isAgainst(folder, module)) return undefined;
        const may = direction[folder];
        return `${folder} may import ${may.length === 0 ? 'no workspace package' : may.join(', ')}.`;
      },
    ),

    'no-listener-of-signal': rule(['CallExpression'], ({ callee }) =>
      callee.type === 'MemberExpression' && memberName(callee) === 'addEventListener'
        ? 'Node warns at the eleventh listener of a signal: use addAbortListener.'
        : undefined,
    ),

    'every-test-runs': rule(['MemberExpression'], (node) => {
      if (!['test', 'describe', 'it'].includes(node.object.name)) return undefined;
      const name = memberName(node);
      if (['skip', 'only', 'todo'].includes(name)) return 'A test runs, or is not there.';
      return name === 'concurrent' ? 'Tests of a file run one after the other.' : undefined;
    }),
  },
};
