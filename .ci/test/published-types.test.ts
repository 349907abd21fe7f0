import { createRequire } from 'node:module';
import { beforeAll, describe, expect, test } from '@jest/globals';
import ts from 'typescript';
import { bareNumbers, hoverTexts, unknownNames, type HoverText } from './support/hover-texts.js';
import { sample } from './support/sample.js';
import {
  applicationErrors,
  emitDeclarations,
  packagesImported,
  publishedPackages,
  publishedSources,
} from './support/published-types.js';

const oldest = createRequire(__filename)('typescript-5.4') as typeof ts;
const { ModuleKind, ModuleResolutionKind, ScriptTarget } = ts;
const ES2022 = { target: ScriptTarget.ES2022, lib: ['lib.es2022.d.ts'], types: [] };
const DOM = { ...ES2022, lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'] };
const nodenext = { module: ModuleKind.NodeNext, moduleResolution: ModuleResolutionKind.NodeNext };
const bundler = { module: ModuleKind.ES2022, moduleResolution: ModuleResolutionKind.Bundler };

let sources: ts.Program;
let files: ReadonlyMap<string, string>;
beforeAll(() => {
  sources = publishedSources();
  files = emitDeclarations(sources);
});

describe('an application compiles all published types with no other package, not even @types/node', () => {
  const compilers = [
    ['as an ES module', ts, { ...ES2022, ...nodenext }, '.mts'],
    ['as CommonJS', ts, { ...ES2022, ...nodenext }, '.cts'],
    ['by TypeScript 5.4', oldest, { ...ES2022, ...nodenext }, '.mts'],
    ['by TypeScript 5.4, for a bundler', oldest, { ...ES2022, ...bundler }, '.mts'],
    ['for a bundler, with the types of browsers', ts, { ...DOM, ...bundler }, '.mts'],
  ] as const;
  test.each(sample(compilers))('%s', (_, compiler, options, extension) => {
    expect(applicationErrors(compiler, files, { ...options, lib: [...options.lib] }, extension)).toEqual([]);
  });

  test('the check sees what needs a package that the application lacks', () => {
    const [path, text] = [...files].find(([name]) => name.endsWith('/store/dist/esm/key-value.d.ts'))!;
    const broken = new Map(files).set(
      path,
      `import type { Socket } from 'node:net';\n${text}\nexport const b: Buffer;\n`,
    );
    expect(applicationErrors(ts, broken, { ...ES2022, ...nodenext })).toEqual([
      expect.stringContaining("key-value.d.ts: Cannot find name 'node:net'"),
      expect.stringContaining("key-value.d.ts: Cannot find name 'Buffer'"),
    ]);
  });
});

test.each(publishedPackages)('the types of $name import only what its manifest names', ({ name, declared }) => {
  const undeclared = [...files]
    .filter(([path]) => path.includes(`/node_modules/${name}/dist/esm/`))
    .flatMap(([path, text]) => packagesImported(text).map((imported) => `${path.split('/esm/')[1]}: ${imported}`))
    .filter((line) => !/: node:/.test(line) && !declared.includes(line.split(': ')[1]!));
  expect(undeclared).toEqual([]);
});

describe('what an editor shows for a public name can be looked up', () => {
  let texts: readonly HoverText[];
  let names: ReadonlySet<string>;
  beforeAll(() => {
    ({ texts, names } = hoverTexts(sources));
  });

  test('numbers of promises are named with their page', () => {
    expect(texts.flatMap(bareNumbers)).toEqual([]);
  });

  test('names are those that users can import, or find on what they import', () => {
    expect(texts.flatMap((text) => unknownNames(text, names))).toEqual([]);
  });

  test('the check reads every member, and sees what it looks for', () => {
    const read = new Set(texts.map(({ name }) => name));
    expect([...read]).toEqual(
      expect.arrayContaining([
        '@holdfast/store: ConfigStore.put',
        '@holdfast/store: PutOptions.ttl',
        '@holdfast/core: BaseMirror.sync',
        '@holdfast/etcd-v3: EtcdV3Options.limits.maxTxnOperations',
        '@holdfast/testkit: virtualClock',
      ]),
    );
    expect(bareNumbers({ name: 'a', text: '/** Nothing is lost (C10). */', parameters: [] })).toEqual(['a: C10']);
    const text = '/** As {@link Runtime} has it in `CollectionTable`, and the RunLoop in `docs`. */';
    expect(unknownNames({ name: 'a', text, parameters: [] }, names)).toEqual([
      'a: Runtime',
      'a: CollectionTable',
      'a: RunLoop',
    ]);
  });
});
