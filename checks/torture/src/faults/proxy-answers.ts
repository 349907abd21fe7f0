import { startAnsweringProxy, type AnsweringProxy, type ProxyAnswer, type Random } from '@holdfast/testkit';
import { NotInjected, type Fault } from '../fault.js';
import { callHttp } from '../outside.js';
import type { World } from '../world.js';
import { linger, memberAt } from './members.js';

const HTML = { 'content-type': 'text/html' };
const JSON_TYPE = { 'content-type': 'application/json' };

/** What an ingress says by itself while it is being reconfigured, or has nobody to pass a request on to. */
const ANSWERS: Readonly<Record<string, ProxyAnswer>> = {
  '404 page': { status: 404, headers: HTML, body: '<html><h1>404 Not Found</h1></html>' },
  '404 text': { status: 404, headers: { 'content-type': 'text/plain' }, body: '404 page not found\n' },
  '404 no route': { status: 404, headers: JSON_TYPE, body: '{"error":"no route"}' },
  '400 page': { status: 400, headers: HTML, body: '<html><h1>400 Bad Request</h1></html>' },
  '405 page': { status: 405, headers: HTML, body: '<html><h1>405 Not Allowed</h1></html>' },
  '503 page': { status: 503, headers: HTML, body: '<html><h1>503 Service Unavailable</h1></html>' },
  '200 page': { status: 200, headers: HTML, body: '<html><h1>Welcome</h1></html>' },
  '200 empty object': { status: 200, headers: JSON_TYPE, body: '{}' },
};

/** A proxy answers by itself in front of every member, or of one, for some seconds; then it passes requests on again, or is gone. */
export const proxyAnswers: Fault = {
  kind: 'proxy-answers',
  appliesTo: () => true,
  async inject(world, random) {
    const name = random.pick(Object.keys(ANSWERS) as [string, ...string[]]);
    const answer = ANSWERS[name];
    if (answer === undefined) throw new Error(`there is no answer ${name}`);
    const places = chosenPlaces(world, random);
    const stays = random.chance(0.5);
    const proxies = await Promise.all(places.map((place) => startAnsweringProxy(memberAt(world, place).endpoint)));
    for (const proxy of proxies) proxy.answer(answer);
    lead(world, places, (index) => proxies[index]?.endpoint ?? '');
    const end = async (): Promise<void> => {
      lead(world, places, (_, place) => memberAt(world, place).endpoint);
      await Promise.all(proxies.map((proxy) => proxy.close()));
    };
    try {
      await expectAnswer(world, places, answer.status);
      const asked = await linger(random, 300, 3_000);
      const answered = answeredBy(proxies);
      // One of them was the test's own.
      if (answered <= places.length) throw new NotInjected('no client has asked a proxy that answers by itself');
      return {
        heal: async () => {
          if (stays) for (const proxy of proxies) proxy.pass();
          else await end();
        },
        ...(stays ? { cleanUp: end } : {}),
        details: { answer: name, proxies: places.length, stays, answered, ms: asked },
      };
    } catch (error) {
      await end();
      throw error;
    }
  },
};

function chosenPlaces({ proxies }: World, random: Random): readonly number[] {
  const all = [...proxies.keys()];
  return random.chance(0.75) ? all : [random.below(proxies.length)];
}

/** From now on the store under test reaches something else in these places. */
function lead({ proxies }: World, places: readonly number[], target: (index: number, place: number) => string): void {
  for (const [index, place] of places.entries()) {
    proxies[place]?.retarget(target(index, place));
    proxies[place]?.cut();
  }
}

function answeredBy(proxies: readonly AnsweringProxy[]): number {
  return proxies.reduce((sum, { answered }) => sum + answered, 0);
}

async function expectAnswer({ proxies }: World, places: readonly number[], status: number): Promise<void> {
  for (const place of places) {
    const { status: got } = await callHttp(`${proxies[place]?.endpoint ?? ''}/version`);
    if (got !== status) throw new NotInjected(`the proxy in place ${place} answers ${got}, and not ${status}`);
  }
}
