import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';

/** The path for a side's profiles. A number and an extension are added. */
export const PROFILE_VARIABLE = 'HOLDFAST_BENCH_PROFILE';

const SAMPLE_MICROSECONDS = 200;

let written = 0;

/** Writes a CPU profile of this work alone, if one is wanted. */
export async function profiled<T>(work: () => Promise<T>): Promise<T> {
  const path = process.env[PROFILE_VARIABLE];
  if (path === undefined) return work();
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_MICROSECONDS });
  await session.post('Profiler.start');
  try {
    return await work();
  } finally {
    const { profile } = await session.post('Profiler.stop');
    session.disconnect();
    written += 1;
    writeFileSync(`${path}-${process.pid}-${written}.cpuprofile`, JSON.stringify(profile));
  }
}
