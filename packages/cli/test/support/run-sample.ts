import * as adapterKit from '@holdfast/adapter-kit';
import * as coordination from '@holdfast/coordination';
import * as core from '@holdfast/core';
import * as fileSnapshot from '@holdfast/core/file-snapshot';
import * as replicate from '@holdfast/core/replicate';
import * as coreYaml from '@holdfast/core/yaml';
import * as etcdV2 from '@holdfast/etcd-v2';
import * as etcdV3 from '@holdfast/etcd-v3';
import * as fastifyPlugin from '@holdfast/fastify';
import * as files from '@holdfast/files';
import * as filesFormat from '@holdfast/files/format';
import * as lmdb from '@holdfast/lmdb';
import * as memory from '@holdfast/memory';
import * as nestjs from '@holdfast/nestjs';
import * as openfeature from '@holdfast/openfeature';
import * as store from '@holdfast/store';
import * as storeAdapter from '@holdfast/store/adapter';
import * as testkit from '@holdfast/testkit';
import { createRequire } from 'node:module';
import { compileFunction } from 'node:vm';
import { transform } from '@swc/core';
import * as zod from 'zod';

const nodeRequire = createRequire(__filename);
const MODULES: Readonly<Record<string, unknown>> = {
  '@holdfast/adapter-kit': adapterKit,
  '@holdfast/coordination': coordination,
  '@holdfast/core': core,
  '@holdfast/core/file-snapshot': fileSnapshot,
  '@holdfast/core/replicate': replicate,
  '@holdfast/core/yaml': coreYaml,
  '@holdfast/etcd-v2': etcdV2,
  '@holdfast/etcd-v3': etcdV3,
  '@holdfast/fastify': fastifyPlugin,
  '@holdfast/files': files,
  '@holdfast/files/format': filesFormat,
  '@holdfast/lmdb': lmdb,
  '@holdfast/memory': memory,
  '@holdfast/nestjs': nestjs,
  '@holdfast/openfeature': openfeature,
  '@holdfast/store': store,
  '@holdfast/store/adapter': storeAdapter,
  '@holdfast/testkit': testkit,
  zod,
};

/** The frameworks of the integrations, and `etcd3`, beside which Holdfast works. Samples import them as their documentation has it, some by default. */
const FRAMEWORKS = ['@openfeature/server-sdk', 'etcd3', 'fastify'];

function requireForSample(name: string): unknown {
  if (name in MODULES) return MODULES[name];
  if (name.startsWith('node:') || FRAMEWORKS.includes(name)) return nodeRequire(name);
  throw new Error(
    `a sample may import Holdfast's packages, zod, ${FRAMEWORKS.join(', ')} and Node's modules, not ${name}`,
  );
}

const IMPORT = /^import\s[^;]*;.*$/gm;

/**
 * Runs a sample as its reader would, and gives the lines that it printed. Its imports are resolved here; its top level,
 * which may await, becomes the body of a function.
 */
export async function runSample(code: string): Promise<string[]> {
  const imports = code.match(IMPORT) ?? [];
  const body = code.replace(IMPORT, '');
  const module = `${imports.join('\n')}\nexport async function sample() {\n${body}\n}`;
  const { code: script } = await transform(module, {
    swcrc: false,
    jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
    module: { type: 'commonjs' },
  });
  const printed: string[] = [];
  const print = (...values: unknown[]) => printed.push(...values.map(show).join(' ').split('\n'));
  const exports: { sample?: () => Promise<void> } = {};
  const evaluate = compileFunction(script, ['require', 'exports', 'console']) as (...args: unknown[]) => void;
  evaluate(requireForSample, exports, { log: print, error: print });
  await exports.sample?.();
  return printed;
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
}

/**
 * What a sample says that it prints: the comments beside and right below its `console.log` calls, and wherever later lines
 * come from a listener, those that begin with an arrow. `undefined` where it says nothing.
 */
export function expectedOutput(code: string): string[] | undefined {
  const expected: string[] = [];
  let follows = false;
  for (const line of code.split('\n')) {
    const [, beside] = /console\.log\(.*\);?\s*\/\/ (.*)$/.exec(line) ?? [];
    const [, arrow, below] = /^\s*\/\/ (→ )?(.*)$/.exec(line) ?? [];
    const said = beside ?? (follows || arrow !== undefined ? below : undefined);
    if (said !== undefined) expected.push(said.trimEnd());
    follows = line.includes('console.log(') || (follows && below !== undefined);
  }
  return expected.length > 0 ? expected : undefined;
}
