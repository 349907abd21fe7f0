import { credentials, type ChannelInterface, type ServiceDefinition } from '@grpc/grpc-js';
import { METHODS } from '../protobuf/etcd-messages.js';
import { decodeMessage, encodeMessage } from '../protobuf/message-codec.js';
import type { Rpc, StreamRpc } from './rpc.js';

/** A method's path, and how its messages are encoded and decoded. */
export interface Definition<Request = never, Response = unknown> {
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

/** What tells where the definition of a call comes from. */
type DefinedRpc = Pick<Rpc<unknown, unknown>, 'service' | 'method' | 'isOurs'>;

/** The definition of each method, by its service's name and its own. */
export type Definitions = ReadonlyMap<string, Definition>;

let own: Definitions | undefined;
let loading: Promise<Definitions> | undefined;
let loaded: Definitions | undefined;

/**
 * The definitions of all methods that the store calls. They come from `etcd3`, which is loaded now and not before, because
 * it reads a file as it loads. A bundle does not have that file: it uses our own definitions, which are made from the same
 * file. Never rejects.
 */
export function loadDefinitions(): Promise<Definitions> {
  loading ??= fromEtcd3()
    .catch(ownDefinitions)
    .then((definitions) => (loaded = definitions));
  return loading;
}

/** Loads `etcd3` where a call's definition comes from there. `undefined`: the definition is known. Never rejects. */
export function missingDefinition(rpc: DefinedRpc): Promise<unknown> | undefined {
  return definitionOf(rpc) === undefined ? loadDefinitions() : undefined;
}

/** The path and codec of a call, once they are known: see {@link missingDefinition}. */
export function definitionOf(rpc: DefinedRpc): Definition | undefined {
  if (rpc.isOurs !== true) return loaded?.get(methodKey(rpc));
  own ??= ownDefinitions();
  return own.get(methodKey(rpc));
}

/** The key of a method in {@link Definitions}. */
function methodKey({ service, method }: StreamRpc): string {
  return `${service}.${method}`;
}

/** What the constructors of `etcd3`'s service clients say. @throws an error where etcd3 can't be loaded, or is not itself */
async function fromEtcd3(): Promise<Definitions> {
  const { Host } = await import('etcd3/lib/connection-pool.js');
  // `etcd3` makes its clients on it. They are only asked what they are, and never use it: a channel would cost some milliseconds.
  const channelOverride = {} as ChannelInterface;
  const host = new Host('localhost:1', credentials.createInsecure(), { channelOverride });
  const definitions = eachMethod((service, method) => {
    const client = host.getServiceClient(service).constructor as { readonly service?: ServiceDefinition };
    const definition = client.service?.[method];
    if (definition?.path !== pathOf({ service, method }))
      throw new Error(`etcd3 defines no method ${service}.${method}`);
    return definition;
  });
  checkExact(definitions);
  return definitions;
}

/**
 * Where protobufjs finds no `long`, as in some bundles, it rounds 64-bit ids.
 *
 * @throws an error if these definitions do
 */
function checkExact(definitions: Definitions): void {
  const id = '9007199254740993';
  // A request that most writers make: protobufjs makes its encoder only once.
  const request = { lease: id };
  const encoded = definitions.get('KV.Put')?.requestSerialize(request as never);
  const response = encodeMessage('etcdserverpb.LeaseGrantResponse', { ID: id });
  const { ID } = definitions.get('Lease.LeaseGrant')?.responseDeserialize(response) as { readonly ID?: unknown };
  if (ID !== id || encoded?.equals(encodeMessage('etcdserverpb.PutRequest', request)) !== true) {
    throw new Error('etcd3 rounds 64-bit integers here');
  }
}

/** @internal Our own definitions. Exported for their comparison with those of `etcd3`. */
export function ownDefinitions(): Definitions {
  return eachMethod((service, method, { request, response }) => ({
    path: pathOf({ service, method }),
    requestSerialize: (message) => encodeMessage(request, message),
    responseDeserialize: (bytes) => decodeMessage(response, bytes),
  }));
}

type Messages = (typeof METHODS)[string][string];

function eachMethod(
  define: (service: Rpc<unknown, unknown>['service'], method: string, messages: Messages) => Definition,
): Definitions {
  const entries = Object.entries(METHODS).flatMap(([name, methods]) => {
    const service = name as Rpc<unknown, unknown>['service'];
    return Object.entries(methods).map(
      ([method, messages]) => [methodKey({ service, method }), define(service, method, messages)] as const,
    );
  });
  return new Map(entries);
}

/** The path of a method's HTTP/2 requests. */
export function pathOf({ service, method }: StreamRpc): string {
  return `/etcdserverpb.${service}/${method}`;
}
