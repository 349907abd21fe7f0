import { join } from 'node:path';
import ts from 'typescript';
import { root, type Sample } from './markdown-sample.js';

/** What the compiler has against samples, under the options that the project's own sources have. */
export function typeErrors(samples: readonly Sample[]): string[] {
  const config = join(root, '.ci', 'tsconfig.check.json');
  const read = ts.readConfigFile(config, (path) => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent(
    read.config,
    { ...ts.sys, readDirectory: () => [] },
    join(root, '.ci'),
  );
  // Samples have no names for what they declare; each is a module in this package, where their imports resolve.
  const sources = new Map(
    samples.map(({ code, where }, index) => [
      join(root, 'packages', 'cli', 'test', `sample-${index}.ts`),
      { code: `${code}\nexport {};\n`, where },
    ]),
  );
  const compilerOptions: ts.CompilerOptions = { ...options, noEmit: true, incremental: false };
  delete compilerOptions.tsBuildInfoFile;
  const host = ts.createCompilerHost(compilerOptions);
  const disk = ts.createCompilerHost(compilerOptions);
  host.getSourceFile = (path, languageVersionOrOptions, ...rest) => {
    const sample = sources.get(path);
    if (sample === undefined) return disk.getSourceFile(path, languageVersionOrOptions, ...rest);
    return ts.createSourceFile(path, sample.code, languageVersionOrOptions, true);
  };
  host.fileExists = (path) => sources.has(path) || disk.fileExists(path);
  host.readFile = (path) => sources.get(path)?.code ?? disk.readFile(path);
  const program = ts.createProgram([...sources.keys()], compilerOptions, host);
  return [...sources].flatMap(([path, { where }]) => {
    const file = program.getSourceFile(path);
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
      ({ messageText }) => `${where}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    );
  });
}

/** Whether a fragment is at least TypeScript. */
export function syntaxErrors({ code, where }: Sample): string[] {
  const { diagnostics = [] } = ts.transpileModule(code, { reportDiagnostics: true, fileName: 'fragment.ts' });
  return diagnostics.map(({ messageText }) => `${where}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`);
}
