import { StoreError, toRevision, type WatchBatch } from '@holdfast/store';
import { KeyRange, type DriverWatchOptions, type WatchSink } from '@holdfast/store/adapter';
import { decodeRequest, type DecodedRequest } from './watch-wire-text.js';
import type { VersionEvidence } from '../src/connection/version-evidence.js';
import type { LinearizableHead, WatchCall, WatchCallHandlers, WatchTransport } from '../src/connection/transport.js';

/** A Watch call whose server is the test. */
export class ScriptedCall implements WatchCall {
  readonly requests: DecodedRequest[] = [];
  canceled = false;
  ended = false;
  paused = false;

  readonly endpoint: string;
  readonly handlers: WatchCallHandlers;

  constructor(endpoint: string, handlers: WatchCallHandlers) {
    this.endpoint = endpoint;
    this.handlers = handlers;
  }

  write(request: Uint8Array): void {
    if (!this.canceled) this.requests.push(decodeRequest(request));
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  cancel(): void {
    this.canceled = true;
  }

  say(...messages: Buffer[]): void {
    for (const message of messages) this.sayPart(message, false);
  }

  /** @param more whether the next part of this message follows */
  sayPart(part: Buffer, more: boolean): void {
    if (!this.canceled && !this.ended) this.handlers.onMessage(part, more);
  }

  end(error = new StoreError('unavailable', 'connection lost')): void {
    if (this.canceled || this.ended) return;
    this.ended = true;
    this.handlers.onEnd(error);
  }

  get creates(): Extract<DecodedRequest, { kind: 'create' }>[] {
    return this.requests.filter((request) => request.kind === 'create');
  }

  get cancels(): number[] {
    return this.requests.flatMap((request) => (request.kind === 'cancel' ? [request.watchId] : []));
  }

  get progressRequests(): number {
    return this.requests.filter((request) => request.kind === 'progress').length;
  }
}

/** A transport that does what the test says, by its fields. */
export class ScriptedTransport implements WatchTransport {
  readonly calls: ScriptedCall[] = [];
  readonly avoided: (string | undefined)[] = [];
  readonly unhealthy: string[] = [];
  identity: string | undefined = '42';
  version: string | undefined = '3.5.16';
  endpoints = ['http://a'];
  head: { revision: number; clusterId: string; raftTerm: number; endpoint: string } = {
    revision: 100,
    clusterId: '42',
    raftTerm: 2,
    endpoint: 'http://a',
  };
  headError: StoreError | undefined;
  headReads = 0;
  openError: StoreError | undefined;
  tokenRefreshes = 0;
  /** Tells the watches that another call has made a connection. */
  connected: () => void = () => undefined;

  async openWatchCall(handlers: WatchCallHandlers, options: { avoid?: string | undefined }): Promise<WatchCall> {
    this.avoided.push(options.avoid);
    if (this.openError !== undefined) throw this.openError;
    const endpoint = this.endpoints.find((name) => name !== options.avoid) ?? this.endpoints[0] ?? 'none';
    const call = new ScriptedCall(endpoint, handlers);
    this.calls.push(call);
    return call;
  }

  async linearizableHead(): Promise<LinearizableHead> {
    this.headReads += 1;
    if (this.headError !== undefined) throw this.headError;
    return { ...this.head, revision: toRevision(this.head.revision) };
  }

  async versionOf(): Promise<VersionEvidence | undefined> {
    return this.version === undefined ? undefined : { from: 'status', version: this.version };
  }

  onConnected(listener: () => void): void {
    this.connected = listener;
  }

  refreshToken(): void {
    this.tokenRefreshes += 1;
  }

  markUnhealthy(endpoint: string): void {
    this.unhealthy.push(endpoint);
  }

  /** The newest call. */
  get call(): ScriptedCall {
    const call = this.calls.at(-1);
    if (call === undefined) throw new Error('no call was opened');
    return call;
  }
}

/** Writes down what a watch is told. */
export class RecordingSink implements WatchSink {
  readonly told: string[] = [];
  readonly batches: WatchBatch[] = [];
  error: StoreError | undefined;
  /** Says `'full'` to the push that makes this many. */
  fullAt = Infinity;

  established(after: { revision: number }): void {
    this.told.push(`established ${after.revision}`);
  }

  interrupted(cause: StoreError): void {
    this.told.push(`interrupted ${cause.code}`);
  }

  push(batch: WatchBatch): 'ok' | 'full' {
    this.batches.push(batch);
    const what = batch.events.map((event) =>
      'key' in event ? event.key : 'current' in event ? event.current.key : '?',
    );
    this.told.push(
      batch.kind === 'progress'
        ? `progress ${batch.bookmark.revision}`
        : `${batch.bookmark.revision}: ${what.join(' ')}`,
    );
    return this.batches.length >= this.fullAt ? 'full' : 'ok';
  }

  fail(error: StoreError): void {
    this.error = error;
    this.told.push(`failed ${error.code}`);
  }
}

export const PREFIX = KeyRange.from({ prefix: '/a/' });

export function watchOptions(after?: number, more: Partial<DriverWatchOptions> = {}): DriverWatchOptions {
  return {
    after: after === undefined ? undefined : { revision: toRevision(after), identity: '42' },
    previous: false,
    only: undefined,
    ...more,
  };
}

/** Lets promises and `setImmediate` come to rest. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
