import { join } from 'node:path';
import ts from 'typescript';
import { readSource } from '../../../../.ci/test/support/read-source.js';

const root = join(__dirname, '..', '..', '..', '..');

/** An error of the compiler: the source text that it marks, and what it says. */
export interface Diagnostic {
  readonly at: string;
  readonly message: string;
}

/** What the compiler says about each of several modules, under the options of the project's own sources. One program for all: it takes seconds. */
export function diagnosticsOf(samples: readonly string[]): Diagnostic[][] {
  const config = join(root, '.ci', 'tsconfig.check.json');
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(config, (path) => ts.sys.readFile(path)).config,
    { ...ts.sys, readDirectory: () => [] },
    join(root, '.ci'),
  );
  // Node's types are half of the work, and no sample asks for them.
  const compilerOptions: ts.CompilerOptions = { ...options, types: [], noEmit: true, incremental: false };
  delete compilerOptions.tsBuildInfoFile;
  const host = ts.createCompilerHost(compilerOptions);
  const disk = ts.createCompilerHost(compilerOptions);
  const sources = new Map(samples.map((code, index) => [join(__dirname, `sample-${index}.ts`), code]));
  disk.readFile = readSource;
  host.fileExists = (path) => sources.has(path) || disk.fileExists(path);
  host.getSourceFile = (path, languageVersion, ...rest) => {
    const code = sources.get(path);
    return code === undefined
      ? disk.getSourceFile(path, languageVersion, ...rest)
      : ts.createSourceFile(path, code, languageVersion, true);
  };
  const program = ts.createProgram([...sources.keys()], compilerOptions, host);
  return [...sources].map(([path, code]) => {
    const file = program.getSourceFile(path);
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
      ({ start = 0, length = 0, messageText }) => ({
        at: code.slice(start, start + length),
        message: ts.flattenDiagnosticMessageText(messageText, '\n'),
      }),
    );
  });
}
