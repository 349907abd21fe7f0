import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';

const root = resolve(__dirname, '../../../..');

/**
 * Makes `require` take the sources, as Jest does: Holdfast's packages by their names, and TypeScript where a file of JavaScript is
 * asked for. Stack traces of the child name the right files, and lines of what was made of them.
 */
const SOURCES = `
  const Module = require('node:module');
  const { existsSync, readFileSync } = require('node:fs');
  const { dirname, join } = require('node:path');
  const { transformSync } = Module.createRequire(${JSON.stringify(join(root, 'package.json'))})('@swc/core');
  const resolveFilename = Module._resolveFilename;
  Module._resolveFilename = function (request, parent, ...rest) {
    const [, name, part = 'index'] = /^@holdfast\\/([^/]+)(?:\\/(.+))?$/.exec(request) ?? [];
    if (name !== undefined) return join(${JSON.stringify(root)}, 'packages', name, 'src', part + '.ts');
    if (request.startsWith('.') && request.endsWith('.js')) {
      const source = join(dirname(parent.filename), request.slice(0, -3) + '.ts');
      if (existsSync(source)) return source;
    }
    return resolveFilename.call(this, request, parent, ...rest);
  };
  // The run of a mutant is about the sources that this process runs.
  const mutant = JSON.parse(process.env.HOLDFAST_MUTATION ?? 'null');
  const sourceOf = (filename) => {
    const source = readFileSync(filename, 'utf8');
    if (mutant === null || filename !== join(${JSON.stringify(root)}, mutant.file)) return source;
    return source.split(mutant.find).join(mutant.replace);
  };
  Module._extensions['.ts'] = (module, filename) => {
    const { code } = transformSync(sourceOf(filename), {
      filename,
      swcrc: false,
      jsc: { target: 'es2022', parser: { syntax: 'typescript' }, keepClassNames: true },
      module: { type: 'commonjs' },
    });
    module._compile(code, filename);
  };
`;

/** The longest take a minute, and a busy machine several times as long. */
const MOST_MS = 400_000;

export interface ChildOptions {
  /** A child that has no result by then is killed, in milliseconds. */
  readonly mostMs?: number;
  /** This long after its result the child is killed, and the call fails: it must end by itself, with nothing left to wait for. */
  readonly endsWithinMs?: number;
  readonly nodeArgs?: readonly string[];
}

/**
 * Runs \`run(input)\` of a file in \`programs/\` in a Node process of its own, whose heap, handles, event loop and clock are nobody
 * else's, and gives what it returned, as JSON. The process has to end by itself: a handle that is left fails the call.
 */
export async function runInChild<Result>(program: string, input: unknown, options: ChildOptions = {}): Promise<Result> {
  const { mostMs = MOST_MS, endsWithinMs = 60_000, nodeArgs = [] } = options;
  const code = `${SOURCES}
    const { run } = require(${JSON.stringify(join(__dirname, 'programs', `${program}.ts`))});
    run(${JSON.stringify(input)}).then(
      (result) => process.stdout.write('\\nRESULT ' + JSON.stringify(result)),
      (error) => { console.error(error); process.exit(1); },
    );`;
  const child = spawn(process.execPath, ['--expose-gc', ...nodeArgs, '-e', code], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: mostMs,
    killSignal: 'SIGKILL',
  });
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  let ending: NodeJS.Timeout | undefined;
  child.stdout.on('data', (data: Buffer) => {
    stdout.push(data);
    if (data.includes('\nRESULT ')) ending = setTimeout(() => child.kill('SIGKILL'), endsWithinMs);
  });
  child.stderr.on('data', (data: Buffer) => stderr.push(data));
  const [status, signal] = await new Promise<[number | null, string | null]>((done, fail) => {
    child.on('error', fail);
    child.on('close', (...end) => {
      done(end);
    });
  });
  clearTimeout(ending);
  const printed = Buffer.concat(stdout).toString();
  const said = Buffer.concat(stderr).toString();
  const result = /\nRESULT (.*)$/s.exec(printed)?.[1];
  if (status !== 0 || result === undefined) {
    const end = result === undefined ? '' : ', though it had its result: something is left that keeps it alive';
    throw new Error(`the child ended with ${signal ?? `status ${status}`}${end}; it said: ${said || printed}`);
  }
  return JSON.parse(result) as Result;
}
