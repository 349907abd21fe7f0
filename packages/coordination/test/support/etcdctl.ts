import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { eventually, findEtcd, type Etcd } from '@holdfast/testkit';

/** An etcdctl that runs until it ends or is ended. */
export interface Etcdctl {
  /** What it has printed so far, line by line. */
  readonly lines: readonly string[];
  /** Waits until it has printed this many lines. */
  printed(lines: number): Promise<readonly string[]>;
  /** As Control-C: etcdctl gives its lock or office away. */
  interrupt(): Promise<void>;
  /** Its exit code, when it ends. */
  readonly ended: Promise<number | null>;
}

/** Runs `etcdctl lock …` or `etcdctl elect …`, of the server's own version. */
export function startEtcdctl(etcd: Etcd, args: readonly string[]): Etcdctl {
  const { etcdctl } = findEtcd({ version: etcd.version });
  const child = spawn(etcdctl, [`--endpoints=${etcd.endpoints.join(',')}`, ...args], {
    env: { ...process.env, ETCDCTL_API: '3' },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  return {
    get lines() {
      return output.split('\n').slice(0, -1);
    },
    async printed(lines) {
      await eventually(() => output.split('\n').length > lines);
      return this.lines;
    },
    async interrupt() {
      child.kill('SIGINT');
      await ended;
    },
    ended,
  };
}
