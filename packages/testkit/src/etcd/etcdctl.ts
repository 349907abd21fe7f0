import { execFile } from 'node:child_process';
import { basename } from 'node:path';
import { etcdEnvironment } from './etcd-binary.js';

/** An etcdctl, with the flags of every call. */
export interface EtcdctlSetup {
  readonly etcdctl: string;
  readonly endpoints: readonly string[];
  readonly flags: readonly string[];
}

/** As long as a busy machine may need. etcdctl's own are five seconds and two. */
const PATIENCE = ['--command-timeout=60s', '--dial-timeout=30s'];

// The largest dump a test compares, with room to spare.
const MAX_OUTPUT_BYTES = 1024 * 1024 * 1024;

/**
 * Runs etcdctl (v3 API) and gives its output. `input` is its standard input. A failure carries its error output. Without time-outs among its
 * arguments, it has a minute.
 */
export async function runEtcdctl(setup: EtcdctlSetup, args: readonly string[], input?: string): Promise<string> {
  const ownEndpoints = args.some((arg) => /^--endpoints\b/.test(arg));
  const endpoints = ownEndpoints ? [] : [`--endpoints=${setup.endpoints.join(',')}`];
  const hasOwnPatience = args.some((arg) => /^--(command|dial)-timeout\b/.test(arg));
  return runTool(setup.etcdctl, [...setup.flags, ...endpoints, ...(hasOwnPatience ? [] : PATIENCE)], args, input);
}

/** Runs etcdutl, which works on files alone. */
export async function runEtcdutl(etcdutl: string, args: readonly string[]): Promise<string> {
  return runTool(etcdutl, [], args);
}

async function runTool(
  tool: string,
  flags: readonly string[],
  args: readonly string[],
  input?: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      encoding: 'utf8',
      env: etcdEnvironment({ ETCDCTL_API: '3' }),
      maxBuffer: MAX_OUTPUT_BYTES,
    } as const;
    const child = execFile(tool, [...flags, ...args], options, (cause, stdout, stderr) => {
      if (cause === null) resolve(stdout);
      else
        reject(new Error(`${basename(tool)} ${args.join(' ')} failed: ${stderr.trim() || cause.message}`, { cause }));
    });
    child.stdin?.on('error', () => {}); // It ended without reading all of its input: its exit code tells.
    child.stdin?.end(input);
  });
}
