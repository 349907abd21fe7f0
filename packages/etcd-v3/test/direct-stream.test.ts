// Streams past gRPC's client: what they bring, how they end, and that nothing of it is lost.
import { deflateSync, gzipSync } from 'node:zlib';
import { Channel, credentials, Metadata, type ChannelInterface } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { etcdV3Store } from '@holdfast/etcd-v3';
import { availableEtcds, grpcAnswer, startAnsweringProxy, startEtcd, type AnsweringProxy } from '@holdfast/testkit';
import { streamDirectly } from '../src/connection/direct-stream.js';
import { streamThroughLayers } from '../src/connection/layered-stream.js';
import type { RawStream, RawStreamHandlers, RawStreamRequest } from '../src/connection/raw-stream.js';
import { framedAs } from './support/framed-as.js';

const { version } = availableEtcds().at(-1)!;

let proxy: AnsweringProxy;
let channel: ChannelInterface;

beforeAll(async () => {
  proxy = await startAnsweringProxy('http://127.0.0.1:1');
  const target = new URL(proxy.endpoint).host;
  channel = new Channel(target, credentials.createInsecure(), { 'grpc.max_receive_message_length': 1_000 });
  // Only a stream through gRPC's client connects.
  proxy.answer(grpcAnswer([Buffer.from('first')]));
  await take(streamThroughLayers);
});
afterAll(async () => {
  channel.close();
  await proxy.close();
});

type Open = (
  channel: ChannelInterface,
  request: RawStreamRequest,
  handlers: RawStreamHandlers,
) => RawStream | undefined;

interface Told {
  readonly messages: readonly string[];
  readonly code: number;
  readonly details: string;
}

/** What a stream brings until its end. */
function take(open: Open, onMessage: (stream: RawStream) => void = () => undefined): Promise<Told> {
  return new Promise((resolve, reject) => {
    const messages: string[] = [];
    const request = { path: '/test/Echo', metadata: new Metadata(), maxResponseBytes: 1_000 };
    const stream = open(channel, request, {
      onHead: () => undefined,
      onMessage: (message) => {
        messages.push(message.toString());
        if (stream !== undefined) onMessage(stream);
      },
      onEnd: ({ code, details }) => {
        resolve({ messages, code, details });
      },
    });
    if (stream === undefined) reject(new Error('the stream could not be opened'));
    stream?.send(Buffer.from('hello'), () => {
      stream.halfClose();
    });
  });
}

const text = (...messages: readonly string[]) => messages.map((message) => Buffer.from(message));

/** An answer whose bytes come as they are here. */
const bytes = (body: readonly Buffer[], encoding = 'gzip') => ({
  ...grpcAnswer([]),
  headers: { 'content-type': 'application/grpc', 'grpc-encoding': encoding },
  body,
});
const plain = (message: string) => framedAs(0, Buffer.from(message));
const packed = (message: string) => framedAs(1, gzipSync(Buffer.from(message)));

test.each([
  ['no message', grpcAnswer([])],
  ['an empty message', grpcAnswer([Buffer.alloc(0)])],
  ['several messages', grpcAnswer(text('one', 'two', 'three'))],
  ['many messages in one piece', bytes([Buffer.concat(['a', 'b', '', 'c', 'd'].map(plain))])],
  [
    'messages byte by byte',
    bytes([...Buffer.concat([plain('ab'), plain(''), plain('c')])].map((byte) => Buffer.of(byte))),
  ],
  [
    'a message that ends in another piece',
    bytes([Buffer.concat([plain('a'), plain('bcd').subarray(0, 7)]), plain('bcd').subarray(7)]),
  ],
  ['a message as long as it may be', grpcAnswer([Buffer.alloc(1_000, 'x')])],
  ['a message over the limit', grpcAnswer([Buffer.from('fits'), Buffer.alloc(1_001)])],
  ['a failure', grpcAnswer([], { status: 9, message: 'etcdserver: ü %' })],
  ['a failure after messages', grpcAnswer(text('one', 'two'), { status: 14, message: 'etcdserver: leader changed' })],
  ['a failure in the head', { status: 200, headers: { 'content-type': 'application/grpc', 'grpc-status': '5' } }],
  ['no status', { ...grpcAnswer(text('one')), trailers: {} }],
  ['half a message', bytes([Buffer.of(0, 0, 0, 0, 9, 1)])],
  ['messages in gzip', bytes([packed('one'), packed('two')])],
  [
    'plain messages after one in gzip',
    bytes([Buffer.concat([packed('one'), plain('two'), packed('three'), plain('four')])]),
  ],
  ['a message in deflate', bytes([framedAs(1, deflateSync(Buffer.from('one'))), plain('two')], 'deflate')],
  ['a web page', { status: 503, headers: { 'content-type': 'text/html' }, body: '<html></html>' }],
])("a stream past gRPC's client brings what one through it brings: %s", async (_name, answer) => {
  proxy.answer(answer, { open: 'keep' });
  expect(await take(streamDirectly)).toEqual(await take(streamThroughLayers));
});

// gRPC's client never tells the end of these.
test.each([
  ['that comes to too much', gzipSync(Buffer.alloc(1_001)), 'gzip', { code: 8 }],
  ['in broken gzip', Buffer.from('no gzip'), 'gzip', { code: 13 }],
  ['in something else', Buffer.from('?'), 'br', { code: 12, details: expect.stringContaining('"br"') }],
])('a message %s ends the stream, and nothing after it is taken', async (_name, message, encoding, end) => {
  proxy.answer(bytes([Buffer.concat([plain('one'), framedAs(1, message), plain('two')])], encoding), { open: 'keep' });
  expect(await take(streamDirectly)).toMatchObject({ messages: ['one'], ...end });
});

test.each([
  ["past gRPC's client", streamDirectly],
  ['through it', streamThroughLayers],
])('a stream %s that is given up ends at once', async (_name, open) => {
  proxy.answer({ ...grpcAnswer(text('one')), open: true }, { open: 'keep' });
  const told = await take(open, (stream) => {
    stream.cancel('not wanted');
  });
  expect(told).toEqual({ messages: ['one'], code: 1, details: 'not wanted' });
});

test.each([
  ["past gRPC's client", streamDirectly],
  ['through it', streamThroughLayers],
])('a stream %s that is paused loses nothing', async (_name, open) => {
  const messages = Array.from({ length: 500 }, (_none, index) => `${index} `.padEnd(900, '.'));
  proxy.answer(grpcAnswer(text(...messages)), { open: 'keep' });
  let taken = 0;
  const told = await take(open, (stream) => {
    taken += 1;
    if (taken % 100 !== 0) return;
    stream.pause();
    setImmediate(() => {
      stream.resume();
    });
  });
  expect(told.messages).toEqual(messages);
});

test("gRPC's channel is not taken to have parts that it has not", () => {
  const request = { path: '/test/Echo', metadata: new Metadata(), maxResponseBytes: 1_000 };
  const handlers = { onHead: jest.fn(), onMessage: jest.fn(), onEnd: jest.fn() };
  expect(streamDirectly({} as ChannelInterface, request, handlers)).toBeUndefined();
  const call = { cancelWithStatus: jest.fn() };
  const internalChannel = {
    defaultAuthority: 'etcd',
    doPick: () => ({ subchannel: { getRealSubchannel: () => ({ createCall: () => call }) } }),
    onCallStart: jest.fn(),
    onCallEnd: jest.fn(),
  };
  expect(streamDirectly({ internalChannel } as unknown as ChannelInterface, request, handlers)).toBeUndefined();
  expect(call.cancelWithStatus).toHaveBeenCalledTimes(1);
  expect(internalChannel.onCallStart).not.toHaveBeenCalled();
});

test("the watches of a connected store go past gRPC's client", async () => {
  await using etcd = await startEtcd({ version });
  const store = etcdV3Store({ endpoints: etcd.endpoints });
  const spy = jest.spyOn(Channel.prototype, 'createCall');
  try {
    await store.put('/a', '1');
    spy.mockClear();
    const watch = store.watch({ prefix: '/' });
    await watch.ready;
    await store.put('/a', '2');
    for await (const { events } of watch) {
      if (events.length > 0) break;
    }
    expect(spy.mock.calls.map(([path]) => path)).not.toContain('/etcdserverpb.Watch/Watch');
  } finally {
    spy.mockRestore();
    await store.close();
  }
});
