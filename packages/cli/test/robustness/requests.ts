import { eventually, type Proxy } from '@holdfast/testkit';

/** The requests that were begun through a proxy since this was asked for. */
export interface BegunRequests {
  /** Their request lines; over HTTP/2 only that there was one. */
  begun(): readonly string[];
  stop(): void;
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const FRAME_HEADER_BYTES = 9;
const HEADERS_FRAME = 1;

/** An HTTP/2 connection also acknowledges what earlier calls have brought, at any time: those bytes are no request. */
export async function watchRequests(proxy: Proxy): Promise<BegunRequests> {
  // What is looked at has to begin with a whole frame.
  await whenQuiet(proxy);
  const chunks: Uint8Array[] = [];
  const look = proxy.cutWhen(
    (chunk) => {
      chunks.push(Uint8Array.from(chunk));
      return false;
    },
    { direction: 'toServer' },
  );
  return { begun: () => requestsIn(Buffer.concat(chunks)), stop: () => look.disarm() };
}

function requestsIn(sent: Buffer): readonly string[] {
  if (isHttp1(sent)) return sent.toString('latin1').match(/^[A-Z]+ \S+ HTTP\/1\.1$/gm) ?? [];
  let at = sent.subarray(0, PREFACE.length).equals(PREFACE) ? PREFACE.length : 0;
  const requests: string[] = [];
  for (; at + FRAME_HEADER_BYTES <= sent.length; at += FRAME_HEADER_BYTES + sent.readUIntBE(at, 3)) {
    if (sent[at + 3] === HEADERS_FRAME) requests.push('a request over HTTP/2');
  }
  return requests;
}

/** Whether it begins with a method's name, which no frame of a length below 4 MiB does. */
function isHttp1(sent: Buffer): boolean {
  return /^(?:GET|PUT|POST|DELETE|HEAD) /.test(sent.toString('latin1', 0, 8));
}

async function whenQuiet(proxy: Proxy): Promise<void> {
  let sent = -1;
  let looks = 0;
  await eventually(
    () => {
      looks = proxy.bytesToServer === sent ? looks + 1 : 0;
      sent = proxy.bytesToServer;
      return looks >= 3;
    },
    { intervalMs: 30 },
  );
}
