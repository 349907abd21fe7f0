import { once } from 'node:events';
import { connect, createServer, type ClientHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Worker } from 'node:worker_threads';
import { eventually, grpcFrame, startAnsweringProxy, startProxy } from '@holdfast/testkit';

export interface Result {
  /** The HTTP/2 codes that the calls were ended with, by their paths. */
  readonly ended: Readonly<Record<string, number | undefined>>;
}

/** More than the sockets between the proxy and its client hold. */
const LARGE_BYTES = 9 * 1024 * 1024;
const WINDOW_BYTES = 2 ** 30;

/** Ends this process when it grows: a turn that never ends is seen by nobody else in it. */
const MOST_BYTES = 1024 ** 3;
const WATCHDOG = `setInterval(() => {
  if (process.memoryUsage.rss() > ${MOST_BYTES}) process.kill(process.pid, 'SIGKILL');
}, 50);`;

/** Asks, and gives the code that the call was ended with. */
async function endOf(client: ClientHttp2Session, path: string): Promise<number | undefined> {
  const call = client.request({ ':path': path, ':method': 'POST' });
  // The code says it.
  call.on('error', () => undefined);
  call.end();
  call.resume();
  await new Promise((resolve) => call.once('close', resolve));
  return call.rstCode;
}

/** Ends calls whose answers wait in the proxy, since their client has not read for a while. */
export async function run(): Promise<Result> {
  const watchdog = new Worker(WATCHDOG, { eval: true });
  const answers = new Map<string | undefined, ServerHttp2Stream>();
  const server = createServer().listen(0, '127.0.0.1');
  server.on('stream', (stream, { ':path': path }) => {
    stream.on('error', () => undefined);
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    stream.resume();
    answers.set(path, stream);
  });
  await once(server, 'listening');
  const proxy = await startAnsweringProxy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const wire = await startProxy(proxy.endpoint);
  const client = connect(wire.endpoint, { settings: { initialWindowSize: WINDOW_BYTES } });
  await once(client, 'connect');
  client.setLocalWindowSize(WINDOW_BYTES);

  const passed = new Set<string>();
  proxy.rewrite((message, path) => {
    passed.add(path);
    return path === '/large' ? Buffer.alloc(LARGE_BYTES) : message;
  });
  const paths = ['/large', '/small'];
  const ends = paths.map((path) => endOf(client, path));
  await eventually(() => answers.size === paths.length);
  wire.stall('toClient');
  for (const path of paths) {
    answers.get(path)?.write(grpcFrame(Buffer.from(path)));
    await eventually(() => passed.has(path));
    // What was passed is on its way one turn later.
    await new Promise((resolve) => setImmediate(resolve));
  }
  proxy.answer({ status: 503 }, { open: 'end' });
  await wire.allow();
  const codes = await Promise.all(ends);

  client.destroy();
  await wire.close();
  await proxy.close();
  server.close();
  await watchdog.terminate();
  return { ended: Object.fromEntries(paths.map((path, i) => [path, codes[i]])) };
}
