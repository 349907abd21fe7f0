import { grpcAnswer, grpcFrame, type AnsweringProxy, type ProxyAnswer, type Random } from '@holdfast/testkit';
import { ALWAYS_STRIKES, type Attack } from './attack.js';
import { V3_LIES } from './v3-lies.js';

type V3Attack = Attack<AnsweringProxy>;

const HTML = '<html>\u001b[31mIt works!</html>';

function page(status: number): ProxyAnswer {
  return { status, headers: { 'content-type': 'text/html' }, body: HTML };
}

function randomBytes(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.below(256)));
}

function* endless(chunk: Uint8Array): Generator<Uint8Array> {
  for (;;) yield chunk;
}

const GRPC = { 'content-type': 'application/grpc' };

/** Answers that do not come from the server at all. */
const ANSWERS: readonly (readonly [string, (random: Random) => ProxyAnswer | 'hang'])[] = [
  ...[200, 204, 302, 400, 401, 403, 404, 405, 413, 429, 500, 502, 503, 504].map(
    (status) => [`a page with ${status}`, () => page(status)] as const,
  ),
  ['a gRPC status', (random) => grpcAnswer([], { status: random.between(1, 16), message: 'no\n\u001b[31m\u009b' })],
  ['a gRPC status that there is not', () => grpcAnswer([], { status: 4711, message: '' })],
  ['messages of random bytes', (random) => grpcAnswer([randomBytes(random, random.between(1, 60))])],
  ['no message', () => grpcAnswer([])],
  ['two messages', () => grpcAnswer([Buffer.alloc(0), Buffer.alloc(0)])],
  ['no trailers', () => ({ status: 200, headers: GRPC, body: grpcFrame(Buffer.alloc(0)) })],
  ['half a frame, and silence', () => ({ status: 200, headers: GRPC, body: Buffer.of(0, 0, 1, 0, 0, 1), open: true })],
  ['a frame of 2 GiB', () => ({ status: 200, headers: GRPC, body: Buffer.of(0, 0x7f, 0xff, 0xff, 0xff), open: true })],
  ['a compressed frame that is none', () => ({ status: 200, headers: GRPC, body: Buffer.of(1, 0, 0, 0, 1, 7) })],
  ['frames without an end', () => ({ status: 200, headers: GRPC, body: endless(grpcFrame(Buffer.alloc(16_384))) })],
  ['a body without an end', () => ({ status: 200, body: endless(Buffer.alloc(16_384, 'x')) })],
  ['nothing, ever', () => 'hang'],
];

/** A watch begins only where its store reaches the server: so these are done to watches alone too. */
const TO_WATCHES = ANSWERS.filter(([name]) =>
  /^(?:a page with (?:200|204|404|405|503)|a gRPC|messages|no |a body)/.test(name),
);

/** Nothing but time-outs shows these. */
const SILENT: readonly string[] = ['half a frame, and silence', 'nothing, ever'];

/** Everything that is done to the v3 API. */
export const V3_ATTACKS: readonly V3Attack[] = [
  ...V3_LIES.map(({ name, of, change, isOfEvents }): V3Attack => ({
    name,
    begin: (proxy) => {
      let struck = isOfEvents !== true;
      proxy.rewrite((message, path) => {
        if (!of.test(path)) return message;
        const told = change(message);
        struck ||= told !== message;
        return told;
      });
      return () => struck;
    },
  })),
  {
    name: 'bytes changed at random',
    begin: (proxy, random) => {
      proxy.rewrite((message, path) => {
        // A changed byte can be a changed value, which nobody can tell: past the message's end it can't.
        const noise = randomBytes(random, random.between(1, 8));
        return /\/(Authenticate|MemberList)$/.test(path)
          ? message
          : Buffer.concat([message, Buffer.of(0xff), noise, Buffer.of(0xff)]);
      });
      return ALWAYS_STRIKES;
    },
  },
  ...ANSWERS.map(([name, answer]): V3Attack => ({
    name,
    isSilent: SILENT.includes(name),
    begin: (proxy, random) => {
      proxy.answer(() => answer(random), { open: random.pick(['cut', 'end', 'keep']) });
      return ALWAYS_STRIKES;
    },
  })),
  ...TO_WATCHES.map(([name, answer]): V3Attack => ({
    name: `to watches: ${name}`,
    begin: (proxy, random) => {
      proxy.answer(({ path }) => (path.endsWith('/Watch') ? answer(random) : 'pass'));
      return ALWAYS_STRIKES;
    },
  })),
];
