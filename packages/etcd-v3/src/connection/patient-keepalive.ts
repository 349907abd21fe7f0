import type { ClientHttp2Session } from 'node:http2';
import { backgroundClock, PatientTimer, systemClock } from '@holdfast/store/adapter';

/** The parts of gRPC's connection by which it sends pings. They are its own matter, so none of them is taken for granted. */
interface Pinging {
  readonly session: ClientHttp2Session;
  readonly keepaliveTimeoutMs: number;
  /** Until the next ping, or for the answer to one. While there is one, gRPC begins no other. */
  keepaliveTimer: NodeJS.Timeout | null;
  /** The next call is to send a ping at once. */
  pendingSendKeepalivePing: boolean;
  maybeSendPing(): void;
  canSendPing(): boolean;
  maybeStartKeepalivePingTimer(): void;
  clearKeepaliveTimeout(): void;
  handleDisconnect(): void;
}

// gRPC's pings don't follow the store's clock, and keep no process alive.
const clock = backgroundClock(systemClock);

/** The longest delay of Node's timers, in milliseconds: it stands for the wait for an answer. */
const LONGEST_MS = 2 ** 31 - 1;

const patient = new WeakSet<object>();

/**
 * Lets a connection wait for the answers to its pings as a {@link PatientTimer} does, and as long as anything is received at all: the answer
 * comes after what the server had sent before. gRPC itself gives a connection up although the answer is there, if the process was kept from
 * reading it for so long. Where gRPC is not made as it is known here, it does so still.
 */
export function pingPatiently(transport: object): void {
  if (patient.has(transport)) return;
  patient.add(transport);
  if (!isPinging(transport)) return;
  transport.maybeSendPing = () => {
    if (!transport.canSendPing()) transport.pendingSendKeepalivePing = true;
    else if (transport.keepaliveTimer === null) ping(transport);
  };
}

function ping(transport: Pinging): void {
  transport.keepaliveTimer = clock.setTimeout(() => undefined, LONGEST_MS) as NodeJS.Timeout;
  const { session, keepaliveTimeoutMs } = transport;
  let received = bytesRead(session);
  const waiting = (): PatientTimer =>
    new PatientTimer(clock, keepaliveTimeoutMs, () => {
      const before = received;
      received = bytesRead(session);
      if (received > before) timer = waiting();
      else transport.handleDisconnect();
    });
  let timer = waiting();
  const failed = (): void => {
    timer.stop();
    transport.handleDisconnect();
  };
  try {
    const isSent = session.ping((error) => {
      if (error !== null) {
        failed();
        return;
      }
      timer.stop();
      transport.clearKeepaliveTimeout();
      transport.maybeStartKeepalivePingTimer();
    });
    if (!isSent) failed();
  } catch {
    failed();
  }
}

/** What has come over the connection; 0 once it is closed. */
function bytesRead({ destroyed, socket }: ClientHttp2Session): number {
  return destroyed ? 0 : ((socket as Partial<typeof socket>).bytesRead ?? 0);
}

function isPinging(transport: Partial<Pinging>): transport is Pinging {
  return (
    typeof transport.session?.ping === 'function' &&
    typeof transport.keepaliveTimeoutMs === 'number' &&
    transport.keepaliveTimer !== undefined &&
    typeof transport.pendingSendKeepalivePing === 'boolean' &&
    typeof transport.maybeSendPing === 'function' &&
    typeof transport.canSendPing === 'function' &&
    typeof transport.maybeStartKeepalivePingTimer === 'function' &&
    typeof transport.clearKeepaliveTimeout === 'function' &&
    typeof transport.handleDisconnect === 'function'
  );
}
