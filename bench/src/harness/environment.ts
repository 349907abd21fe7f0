import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Peer } from './results.js';

/** The machine and the software that the figures were taken on. */
export function machine(): string {
  const [cpu] = cpus();
  const gib = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${cpu?.model.trim() ?? 'unknown processor'}, ${gib} GiB, ${process.platform} ${process.arch}`;
}

/** The commit that is checked out, with `+` where the measured sources differ from it; `unknown` outside of a clone. */
export function commit(root: string): string {
  const git = (...args: readonly string[]): string => {
    try {
      return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    } catch {
      return '';
    }
  };
  const hash = git('rev-parse', '--short=10', 'HEAD');
  if (hash === '') return 'unknown';
  return git('status', '--porcelain', '--', 'packages/*/src', 'bench/src', 'bench/go') === '' ? hash : `${hash}+`;
}

/** The peers, and their settings. */
export function peers(root: string): readonly Peer[] {
  const version = (name: string): string =>
    (JSON.parse(readFileSync(join(root, 'bench', 'node_modules', name, 'package.json'), 'utf8')) as { version: string })
      .version;
  const window = '`grpc-node.flow_control_window` 16 MiB';
  return [
    {
      name: 'etcd3',
      version: version('etcd3'),
      options: `\`grpc.max_receive_message_length\` −1 (unlimited) everywhere; ${window} too, save in loads and backlogs that don't say so`,
    },
    {
      name: '@grpc/grpc-js',
      version: version('@grpc/grpc-js'),
      options: `\`grpc.max_receive_message_length\` −1, ${window}; requests and answers as bytes`,
    },
    {
      name: 'node:http2',
      version: process.version.slice(1),
      options: '`initialWindowSize` and the local window 16 MiB; gRPC framing by hand',
    },
    { name: 'pg', version: version('pg'), options: 'its defaults; a pool of 4 for writes' },
    {
      name: '@keyv/postgres',
      version: version('@keyv/postgres'),
      options: 'with `keyv` 5.6.0; `iterationLimit` 10,000',
    },
    { name: 'lmdb', version: version('lmdb'), options: "`encoding: 'string'`" },
    { name: 'yaml', version: version('yaml'), options: 'its defaults' },
    { name: 'node-etcd', version: version('node-etcd'), options: 'its defaults; `recursive: true`' },
    { name: 'node:http', version: process.version.slice(1), options: 'an agent with `keepAlive`' },
  ];
}
