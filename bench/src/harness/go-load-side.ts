import { canRun, GoProgram } from '../peers/go-program.js';
import { assertKeys, LOAD_WARMUPS } from './load-side.js';
import type { Side } from './row.js';
import { text } from './task.js';

/** How Go's `clientv3` loads a prefix: by one `Get`, by pages of 10,000 keys, or by `RangeStream` (`GetStream`, from etcd 3.7). */
export type GoWay = 'get' | 'pages' | 'stream';

interface GoLoad {
  readonly way: GoWay;
  /** Whether every value is parsed as JSON. */
  readonly parse?: true;
}

/** A load by Go's client into a map, in a program which this process only starts and hears: connection included, as for the other sides. */
export function goLoadSide(label: string, { way, parse }: GoLoad): Side {
  return {
    label,
    async run({ params }) {
      const program = new GoProgram({
        endpoints: text(params, 'endpoint'),
        load: way,
        ...(parse === true && { parse: 'true' }),
      });
      try {
        await program.answer('ready');
        for (let time = 0; time < LOAD_WARMUPS; time += 1) {
          program.order('load', { prefix: text(params, 'warmupPrefix') });
          await program.answer('held');
        }
        program.order('load', { prefix: text(params, 'prefix') });
        const { ms, cpuMs, rssBytes, keys } = await program.answer('held');
        if (params['keys'] !== undefined) {
          assertKeys(keys, params);
          return { figures: { ms, cpuMs, rssBytes } };
        }
        program.order('check');
        const [digest] = (await program.answer('checked')).digests ?? [];
        // What Go has parsed can't be written as the same text again.
        return { figures: { ms, cpuMs, rssBytes }, ...(digest !== undefined && { digest }) };
      } finally {
        await program.kill();
      }
    },
  };
}

/** Of a row's sides, by name, those that can run: the Go program is there, and the server is new enough for streams. */
export function loadableSides(sides: Readonly<Record<string, Side>>, version: string): readonly string[] {
  return Object.keys(sides).filter((name) => canRun(name) && (hasRangeStream(version) || !STREAMS.test(name)));
}

/** Sides that mean nothing where the server has no `RangeStream`. */
const STREAMS = /Stream|ByPages$/;

function hasRangeStream(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 3 || (major === 3 && minor >= 7);
}
