import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Channel, type ChannelInterface, Client, credentials, Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { callUnary } from '../src/connection/unary-call.js';
import type { GrpcFailure } from '../src/errors.js';

type Behaviour = (stream: ServerHttp2Stream) => void;

const HEAD = { ':status': 200, 'content-type': 'application/grpc' };

let server: Http2Server;
let behave: Behaviour;
let channel: ChannelInterface;
let client: Client;

beforeAll(async () => {
  server = createServer();
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => undefined);
    behave(stream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  channel = new Channel(target, credentials.createInsecure(), {});
  client = new Client(target, credentials.createInsecure(), { channelOverride: channel });
});
afterAll(async () => {
  client.close();
  server.close();
  await once(server, 'close');
});

/** gRPC's channel, with none of the parts that a direct call needs. */
const NO_PARTS = {} as ChannelInterface;

interface Told {
  readonly failure?: GrpcFailure;
  readonly response?: string | undefined;
}

function ask(over: ChannelInterface, request: string): Promise<Told> {
  return new Promise((resolve) => {
    callUnary<string, string>(
      { channel: over, client, maxResponseBytes: 4_000_000 },
      {
        path: '/test/Echo',
        requestSerialize: (text) => Buffer.from(text),
        responseDeserialize: (bytes) => bytes.toString(),
        request,
        metadata: new Metadata(),
      },
      (failure, response) => {
        if (failure === null) resolve({ response });
        else resolve({ failure: { code: failure.code, details: failure.details, contentType: failure.contentType } });
      },
    );
  });
}

/** Asks a server that answers well until the channel is connected, and then once more. */
async function askConnected(over: ChannelInterface, how: Behaviour, request = 'hello'): Promise<Told> {
  behave = chunks([message]);
  let told: Told;
  do told = await ask(NO_PARTS, 'hello');
  while (told.failure !== undefined);
  behave = how;
  const spy = jest.spyOn(client, 'makeUnaryRequest');
  try {
    const end = await ask(over, request);
    expect(spy).toHaveBeenCalledTimes(over === channel ? 0 : 1);
    return end;
  } finally {
    spy.mockRestore();
  }
}

function framed(text: string): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(text.length, 1);
  return Buffer.concat([head, Buffer.from(text)]);
}

const message = framed('an answer');

/** Answers with an OK, and with a message in frames of these bytes. */
function chunks(parts: readonly Buffer[]): Behaviour {
  return (stream) => {
    stream.respond(HEAD, { waitForTrailers: true });
    stream.on('wantTrailers', () => {
      stream.sendTrailers({ 'grpc-status': '0' });
    });
    for (const part of parts) stream.write(part);
    stream.end();
  };
}

const bytesOf = (bytes: Buffer): Buffer[] => [...bytes].map((byte) => Buffer.of(byte));
const long = framed('x'.repeat(300_000));

test.each<[string, Behaviour]>([
  ['a message byte by byte', chunks(bytesOf(message))],
  ['a message in many frames', chunks([long])],
  ['a message whose head is cut', chunks([long.subarray(0, 3), long.subarray(3)])],
  [
    'an OK in the head',
    (stream) => {
      stream.respond({ ...HEAD, 'grpc-status': '0' }, { endStream: true });
    },
  ],
  [
    "a proxy's failure in the head",
    (stream) => {
      stream.respond({ ':status': 503, 'content-type': 'text/plain' }, { endStream: true });
    },
  ],
  [
    'an answer without a status',
    (stream) => {
      stream.respond(HEAD);
      stream.end(message);
    },
  ],
  [
    'the end of the connection',
    (stream) => {
      stream.session?.destroy();
    },
  ],
  [
    'the end of the connection after the head',
    (stream) => {
      stream.respond(HEAD);
      stream.write(message, () => {
        stream.session?.destroy();
      });
    },
  ],
  [
    'a GOAWAY that leaves the call out',
    (stream) => {
      stream.session?.goaway(0, 0);
      stream.session?.destroy();
    },
  ],
])("a call past gRPC's client ends as one through it: %s", async (_name, how) => {
  expect(await askConnected(channel, how)).toEqual(await askConnected(NO_PARTS, how));
});

/** More than a server takes before it reads. */
const LONG_REQUEST = 'x'.repeat(300_000);

test.each<[string, Behaviour]>([
  ['OK', chunks([message])],
  [
    'a failure',
    (stream) => {
      stream.respond({ ...HEAD, 'grpc-status': '8', 'grpc-message': 'busy' }, { endStream: true });
      stream.close(0);
    },
  ],
  [
    "a proxy's refusal",
    (stream) => {
      stream.respond({ ':status': 413, 'content-type': 'text/html' });
      stream.write('<html>too long</html>', () => {
        stream.close(0);
      });
    },
  ],
  [
    'a reset',
    (stream) => {
      stream.close(11);
    },
  ],
  [
    'the end of the connection',
    (stream) => {
      stream.session?.destroy();
    },
  ],
])("a server that has not read the request ends the call as one through gRPC's client: %s", async (_name, how) => {
  const direct = await askConnected(channel, how, LONG_REQUEST);
  expect(direct).toEqual(await askConnected(NO_PARTS, how, LONG_REQUEST));
});

/** HTTP/2's codes of errors, and one that it does not know. */
const CODES = [...Array(14).keys(), 99];

test.each(CODES)("a stream that the server resets with code %i ends a call as gRPC's client says", async (code) => {
  const reset: Behaviour = (stream) => {
    stream.close(code);
  };
  const resetLater: Behaviour = (stream) => {
    stream.respond(HEAD);
    stream.write(message, () => {
      stream.close(code);
    });
  };
  for (const how of [reset, resetLater]) {
    expect(await askConnected(channel, how)).toEqual(await askConnected(NO_PARTS, how));
  }
});

test('bytes after the message end the call: they are no part of any answer', async () => {
  const told = await askConnected(channel, chunks([message, Buffer.of(0)]));
  expect(told).toMatchObject({ failure: { code: 12, details: 'Too many responses received' } });
});

test('an answer of a head alone is an answer, also without a content type: its text does not prove that nothing was sent', async () => {
  const told = await askConnected(channel, (stream) => {
    stream.respond(
      { ':status': 200, 'grpc-status': '14', 'grpc-message': 'Stream refused by server' },
      { endStream: true },
    );
  });
  expect(told).toMatchObject({ failure: { code: 14, contentType: '' } });
});
