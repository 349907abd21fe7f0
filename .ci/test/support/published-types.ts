import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { readSource } from './read-source.js';
import { type Manifest, root, workspacePackages } from '../workspace.js';

/** A package that is published, and what its users can import from it. */
export interface PublishedPackage {
  readonly name: string;
  readonly path: string;
  /** The names that its manifest lets it import: of itself, its dependencies and its peers. */
  readonly declared: readonly string[];
  /** `@holdfast/core`, `@holdfast/core/yaml`. */
  readonly entries: readonly string[];
  /** The frameworks that an application with this package has, beside it. */
  readonly frameworks: readonly string[];
  /** How the paths of sources begin that are not packed, from `src` on. */
  readonly unpacked: readonly string[];
}

const peers = workspacePackages()
  .filter(({ path }) => path.startsWith('packages/'))
  .flatMap(({ manifest }) => Object.keys(manifest.peerDependencies ?? {}))
  .filter((name) => !name.startsWith('@holdfast/'));

/** Of packages for a framework: peers that are not optional. Their types need packages of their own, such as `@types/node`. */
function frameworksOf({ peerDependencies = {}, peerDependenciesMeta = {} }: Manifest & Peers): string[] {
  return Object.keys(peerDependencies).filter((name) => peerDependenciesMeta[name]?.optional !== true);
}

interface Peers {
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

interface Exports {
  readonly files?: readonly string[];
  readonly exports?: Readonly<Record<string, string | { readonly import: { readonly types: string } }>>;
}

export const publishedPackages: readonly PublishedPackage[] = workspacePackages()
  .filter(({ manifest, path }) => manifest.private !== true && path.startsWith('packages/'))
  .map(({ manifest, path }) => ({
    name: manifest.name,
    path,
    declared: [manifest.name, ...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })],
    entries: Object.keys((manifest as Exports).exports ?? {})
      .filter((entry) => !entry.endsWith('.json'))
      .map((entry) => manifest.name + entry.slice(1)),
    frameworks: frameworksOf(manifest),
    unpacked: ((manifest as Exports).files ?? []).flatMap((name) => /^!(src\/[^*]+)\*$/.exec(name)?.[1] ?? []),
  }));

/** Where an imagined application has its packages. It has no other package than those of Holdfast. */
const MODULES = join(root, '.cache', 'application', 'node_modules');

/** The sources of all published packages as one program. It takes seconds: a test file makes it once. */
export function publishedSources(): ts.Program {
  const config = join(root, '.ci', 'tsconfig.check.json');
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(config, (path) => ts.sys.readFile(path)).config,
    { ...ts.sys, readDirectory: () => [] },
    dirname(config),
  );
  delete options.tsBuildInfoFile;
  const sources = publishedPackages.flatMap(({ path }) =>
    ts.sys.readDirectory(join(root, path, 'src'), ['.ts'], undefined, undefined),
  );
  const emitting: ts.CompilerOptions = {
    ...options,
    ...{ noEmit: false, incremental: false, declaration: true, emitDeclarationOnly: true, stripInternal: true },
    // The step `typecheck` of npm test finds errors of types.
    noCheck: true,
    ...{ rootDir: root, outDir: root },
  };
  const host = ts.createCompilerHost(emitting);
  host.readFile = readSource;
  return ts.createProgram(sources, emitting, host);
}

/** The declarations of all published packages as the build makes them, by their path in an application's `node_modules`. */
export function emitDeclarations(program: ts.Program): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const { name, path } of publishedPackages) {
    files.set(join(MODULES, name, 'package.json'), readFileSync(join(root, path, 'package.json'), 'utf8'));
  }
  const { emitSkipped } = program.emit(undefined, (path, text) => {
    const owner = publishedPackages.find(({ path: folder }) => path.startsWith(join(root, folder, 'src', '/')));
    if (owner === undefined || !path.endsWith('.d.ts')) return;
    if (owner.unpacked.some((begin) => path.startsWith(join(root, owner.path, begin)))) return;
    const inside = path.slice(join(root, owner.path, 'src').length);
    for (const form of ['esm', 'cjs']) files.set(join(MODULES, owner.name, 'dist', form) + inside, text);
  });
  if (emitSkipped) throw new Error('the compiler made no declarations of the published packages');
  return files;
}

/**
 * What a compiler says when an application with these options imports each entry in a file of its own. The application has no `@types/node`,
 * nor any other package but our optional peers: the published declarations are all there is. Packages whose types import a framework are left
 * out: `npm run test:packages` compiles them beside it.
 */
export function applicationErrors(
  compiler: typeof ts,
  files: ReadonlyMap<string, string>,
  options: ts.CompilerOptions,
  extension: '.mts' | '.cts' = '.mts',
): string[] {
  const full: ts.CompilerOptions = { ...options, strict: true, noEmit: true, skipLibCheck: false };
  const host = compiler.createCompilerHost(full);
  const entries = publishedPackages
    .filter(({ name, frameworks }) => !importsAny(frameworks, files, name))
    .flatMap((each) => each.entries);
  const all = new Map(files);
  entries.forEach((entry, index) => {
    all.set(join(dirname(MODULES), `app-${index}${extension}`), `import * as all from '${entry}';\nexport { all };\n`);
  });
  const folders = new Set([...all.keys()].flatMap(foldersOf));
  // An optional peer is installed by those who import the entry that needs it.
  const installed = (path: string) => path.replace(MODULES, join(root, 'node_modules'));
  const ofPeer = (path: string) => peers.some((peer) => `${path}/`.startsWith(join(MODULES, peer, '/')));
  const isLibrary = (path: string) => /\/typescript(?:-5\.4)?(?:@|\/)/.test(path) && path.includes('/lib/lib.');
  host.fileExists = (path) => all.has(path) || isLibrary(path) || (ofPeer(path) && ts.sys.fileExists(installed(path)));
  host.readFile = (path) => all.get(path) ?? (host.fileExists(path) ? ts.sys.readFile(installed(path)) : undefined);
  host.directoryExists = (path) => folders.has(path) || (ofPeer(path) && ts.sys.directoryExists(installed(path)));
  host.getDirectories = () => [];
  host.realpath = (path) => path;
  const apps = [...all.keys()].filter((path) => path.endsWith(extension));
  const program = compiler.createProgram(apps, full, host);
  // The compiler's own libraries are not checked: they are half of the work.
  const checked = program.getSourceFiles().filter(({ fileName }) => !isLibrary(fileName));
  const diagnostics = [
    ...program.getOptionsDiagnostics(),
    ...checked.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]),
    ...program.getGlobalDiagnostics(),
  ];
  return diagnostics.map(({ file, messageText }) => {
    const where = file === undefined ? '' : `${file.fileName.slice(MODULES.length + 1)}: `;
    return where + compiler.flattenDiagnosticMessageText(messageText, ' ');
  });
}

function importsAny(frameworks: readonly string[], files: ReadonlyMap<string, string>, name: string): boolean {
  const declarations = [...files].filter(
    ([path]) => path.startsWith(join(MODULES, name, '/')) && path.endsWith('.d.ts'),
  );
  return declarations.some(([, text]) => packagesImported(text).some((imported) => frameworks.includes(imported)));
}

function foldersOf(path: string): string[] {
  const above = dirname(path);
  return above === path ? [] : [above, ...foldersOf(above)];
}

/** The packages that a declaration file imports, and `node:` modules by their whole name. */
export function packagesImported(text: string): string[] {
  const { importedFiles, typeReferenceDirectives } = ts.preProcessFile(text, true, true);
  return [...importedFiles, ...typeReferenceDirectives]
    .map(({ fileName }) => fileName)
    .filter((name) => !name.startsWith('.'))
    .map((name) => (/^(?:node:.*|@[^/]+\/[^/]+|[^/]+)/.exec(name) ?? [name])[0]);
}
