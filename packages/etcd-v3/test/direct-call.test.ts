import { deflateSync, gzipSync } from 'node:zlib';
import { Channel, type ChannelInterface, Client, credentials, Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { availableEtcds, grpcAnswer, startAnsweringProxy, startEtcd, type AnsweringProxy } from '@holdfast/testkit';
import { callUnary } from '../src/connection/unary-call.js';
import type { GrpcFailure } from '../src/errors.js';

const { version } = availableEtcds().at(-1)!;

let proxy: AnsweringProxy;
let channel: ChannelInterface;
let client: Client;

beforeAll(async () => {
  proxy = await startAnsweringProxy('http://127.0.0.1:1');
  const target = new URL(proxy.endpoint).host;
  channel = new Channel(target, credentials.createInsecure(), { 'grpc.max_receive_message_length': 1_000 });
  client = new Client(target, credentials.createInsecure(), { channelOverride: channel });
  // The first call connects.
  proxy.answer(grpcAnswer([Buffer.from('first')]));
  await ask(channel);
});
afterAll(async () => {
  client.close();
  await proxy.close();
});

/** gRPC's channel, with none of the parts that a direct call needs. */
const NO_PARTS = {} as ChannelInterface;

interface Told {
  readonly failure?: GrpcFailure;
  readonly response?: string | undefined;
}

function ask(over: ChannelInterface, cancelled = false): Promise<Told> {
  return new Promise((resolve) => {
    const running = callUnary<string, string>(
      { channel: over, client, maxResponseBytes: 1_000 },
      {
        path: '/test/Echo',
        requestSerialize: (text) => Buffer.from(text),
        responseDeserialize: (bytes) => {
          if (bytes.includes('unreadable')) throw new Error('no such message');
          return bytes.toString();
        },
        request: 'hello',
        metadata: new Metadata(),
      },
      (failure, response) => {
        if (failure === null) resolve({ response });
        else {
          const { code, details, contentType } = failure;
          resolve({ failure: { code, details, contentType } });
        }
      },
    );
    if (cancelled) running.cancel();
  });
}

const message = Buffer.from('an answer');
const grpc = (more: object) => ({ ...grpcAnswer([message]), ...more });

/** An answer whose message came compressed. */
const packed = (bytes: Buffer, encoding?: string) => {
  const headers = { 'content-type': 'application/grpc', ...(encoding !== undefined && { 'grpc-encoding': encoding }) };
  const head = Buffer.alloc(5);
  head[0] = 1;
  head.writeUInt32BE(bytes.length, 1);
  return grpc({ headers, body: [Buffer.concat([head, bytes])] });
};

test.each([
  ['one message', grpcAnswer([message])],
  ['an empty message', grpcAnswer([Buffer.alloc(0)])],
  ['no message', grpcAnswer([])],
  ['a message that can not be decoded', grpcAnswer([Buffer.from('unreadable')])],
  ['a message over the limit', grpcAnswer([Buffer.alloc(2_000)])],
  ['a failure', grpcAnswer([], { status: 9, message: 'etcdserver: ü %' })],
  ['a failure after a message', grpcAnswer([message], { status: 14, message: 'etcdserver: leader changed' })],
  ['a failure in the head', { status: 200, headers: { 'content-type': 'application/grpc', 'grpc-status': '5' } }],
  ['no status', grpc({ trailers: {} })],
  ['half a message', grpc({ body: [Buffer.of(0, 0, 0, 0, 9, 1)] })],
  ['a message in gzip', packed(gzipSync(message), 'gzip')],
  ['a message in deflate', packed(deflateSync(message), 'deflate')],
  ['a message that comes to too much', packed(gzipSync(Buffer.alloc(1_001)), 'gzip')],
  ['a message that is as long as it may be', packed(gzipSync(Buffer.alloc(1_000, 'x')), 'gzip')],
  ['a message in broken gzip', packed(Buffer.from('no gzip'), 'gzip')],
  ['a web page', { status: 503, headers: { 'content-type': 'text/html' }, body: '<html></html>' }],
  ['a web page that does not end', { status: 200, headers: { 'content-type': 'text/html' }, body: '<', open: true }],
])("a call past gRPC's client ends as one through it: %s", async (_name, answer) => {
  proxy.answer(answer, { open: 'keep' });
  expect(await ask(channel)).toEqual(await ask(NO_PARTS));
});

test('a call that is given up ends at once', async () => {
  proxy.answer(() => 'hang', { open: 'keep' });
  const told = await ask(channel, true);
  expect(told.failure?.code).toBe(1);
});

test("a second message ends the call, for which gRPC's client waits without an end", async () => {
  proxy.answer(grpcAnswer([message, message]), { open: 'keep' });
  expect(await ask(channel)).toMatchObject({ failure: { code: 12, details: 'Too many responses received' } });
});

// Of these gRPC's client tells neither a code nor a reason.
test.each([
  [
    'in gzip, which nothing says',
    packed(gzipSync(message)),
    { code: 13, details: expect.stringContaining('identity') },
  ],
  ['in something else', packed(message, 'br'), { code: 12, details: expect.stringContaining('"br"') }],
])('a message that can not be unpacked is told as what it is: %s', async (_name, answer, failure) => {
  proxy.answer(answer, { open: 'keep' });
  expect(await ask(channel)).toMatchObject({ failure });
});

test("gRPC's client, with its layers, connects and makes no call of a connected store", async () => {
  await using etcd = await startEtcd({ version });
  const store = etcdV3Store({ endpoints: etcd.endpoints });
  const spy = jest.spyOn(Client.prototype, 'makeUnaryRequest');
  try {
    await store.put('/a', '1');
    spy.mockClear();
    await store.get('/a');
    await store.put('/a', '2');
    await store.txn({ then: [{ type: 'delete', range: '/a' }] });
    await store.list({ prefix: '/' });
    // A probe of the cluster's identity may connect at any time.
    const paths = spy.mock.calls.map(([path]) => path);
    expect(paths.filter((path) => path.startsWith('/etcdserverpb.KV/'))).toEqual([]);
  } finally {
    spy.mockRestore();
    await store.close();
  }
});
