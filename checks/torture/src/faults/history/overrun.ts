import { eventually, type Random } from '@holdfast/testkit';
import { NotInjected, type Injection } from '../../fault.js';
import { callHttp } from '../../outside.js';
import { PREFIX, type World } from '../../world.js';
import { linger } from './linger.js';

/** The events that etcd v2 keeps, for all keys together. */
const KEPT_EVENTS = 1_000;
/** Writes at a time: the truth must learn every event, and follows more slowly than several writers write. */
const AT_ONCE = 200;

/** Writes so much elsewhere that no client can follow from a mirror's position any more: etcd v2's form of a compaction. */
export async function overrun(world: World, random: Random): Promise<Injection> {
  const moment = random.pick(['connected', 'cut'] as const);
  if (moment === 'cut') await world.disconnect();
  const { revision } = await world.outside.held(PREFIX);
  const known = Math.max(revision, ...world.mirrors.map(({ mirror }) => mirror.revision));
  const events = random.between(KEPT_EVENTS + 50, KEPT_EVENTS + 400);
  for (let left = events; left > 0; left -= AT_ONCE) {
    await writeForeign(world, Math.min(left, AT_ONCE));
    await world.truth.catchUp();
  }
  const answers = await Promise.all(world.etcd.endpoints.map((endpoint) => answerToWait(endpoint, known + 1)));
  if (!answers.every((answer) => answer.includes('"errorCode":401'))) {
    await world.connect();
    throw new NotInjected(`what follows ${known} should be forgotten: ${answers.join(', ')}`);
  }
  if (moment === 'cut') await linger(random, 0, 300);
  return { heal: () => world.connect(), bound: 'relist', details: { moment, events } };
}

async function writeForeign({ direct }: World, events: number): Promise<void> {
  const lanes = Array.from({ length: 8 }, async (_, lane) => {
    for (let left = events / 8; left > 0; left -= 1) {
      await eventually(() => direct.put(`/foreign/${lane}`, String(left)));
    }
  });
  await Promise.all(lanes);
}

/** etcd answers a long poll from a forgotten index at once, with error 401. */
async function answerToWait(endpoint: string, index: number): Promise<string> {
  return (await callHttp(`${endpoint}/v2/keys${PREFIX}?recursive=true&wait=true&waitIndex=${index}`)).text;
}
