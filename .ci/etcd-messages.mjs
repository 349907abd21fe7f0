// Writes packages/etcd-v3/src/protobuf/etcd-messages.ts: the messages of the calls that the adapter makes, as `etcd3`'s
// proto/rpc.proto defines them. With --check it only compares. Where a bundle has no such file, the adapter needs them.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { root } from './pnpm.mjs';

const target = join(root, 'packages/etcd-v3/src/protobuf/etcd-messages.ts');
const rpcs = readFileSync(join(root, 'packages/etcd-v3/src/connection/rpc.ts'), 'utf8');

const adapter = createRequire(join(root, 'packages/etcd-v3/package.json'));
const etcd3 = adapter.resolve('etcd3/package.json');
const loader = createRequire(etcd3).resolve('@grpc/proto-loader');
const protobuf = createRequire(loader)('protobufjs');
const definitions = new protobuf.Root()
  .loadSync(join(dirname(etcd3), 'proto/rpc.proto'), { keepCase: true })
  .resolveAll();

const methods = {};
const messages = {};
const enums = {};

const nameOf = (type) => type.fullName.slice(1);

/** Adds a message, and what it is made of. Returns its name. */
function addMessage(type) {
  const name = nameOf(type);
  if (name in messages) return name;
  // Noted before its fields are: a transaction holds transactions.
  messages[name] = [];
  messages[name] = [...type.fieldsArray]
    .sort((one, other) => one.id - other.id)
    .map((field) => {
      const inner = field.resolvedType;
      const isEnum = inner instanceof protobuf.Enum;
      if (isEnum) enums[nameOf(inner)] = inner.values;
      return {
        id: field.id,
        name: field.name,
        ...(inner
          ? { kind: isEnum ? 'enum' : 'message', of: isEnum ? nameOf(inner) : addMessage(inner) }
          : { kind: field.type }),
        ...(field.repeated ? { repeated: true } : {}),
        ...(field.partOf ? { oneof: field.partOf.name } : {}),
      };
    });
  return name;
}

/** Newer than etcd3's file: their messages are encoded and decoded by hand. */
const NEWER = ['RangeStream'];

for (const [, service, method] of rpcs.matchAll(/service: '(\w+)',\s+method: '(\w+)'/g)) {
  if (NEWER.includes(method)) continue;
  const { resolvedRequestType, resolvedResponseType } = definitions.lookupService(`etcdserverpb.${service}`).methods[
    method
  ];
  (methods[service] ??= {})[method] = {
    request: addMessage(resolvedRequestType),
    response: addMessage(resolvedResponseType),
  };
}

const text = `// Written by .ci/etcd-messages.mjs from proto/rpc.proto of etcd3: run it after a change of etcd3 or of rpc.ts.

/** One field of a message: its number, its name, and how it is written. */
export interface MessageField {
  readonly id: number;
  readonly name: string;
  readonly kind: string;
  /** The name of the message or enum that it holds. */
  readonly of?: string;
  readonly repeated?: boolean;
  /** Of the fields with the same name here, one is set. */
  readonly oneof?: string;
}

/** The request and the answer of each method. */
export const METHODS: Readonly<Record<string, Readonly<Record<string, { readonly request: string; readonly response: string }>>>> = ${JSON.stringify(methods)};

/** The fields of each message. */
export const MESSAGES: Readonly<Record<string, readonly MessageField[]>> = ${JSON.stringify(messages)};

/** The numbers of each enum's names. */
export const ENUMS: Readonly<Record<string, Readonly<Record<string, number>>>> = ${JSON.stringify(enums)};
`;
const formatted = await format(text, { ...(await resolveConfig(target)), filepath: target });
if (!process.argv.includes('--check')) writeFileSync(target, formatted);
else if (readFileSync(target, 'utf8') !== formatted) {
  console.error('etcd-messages.ts differs from what etcd3 defines: run node .ci/etcd-messages.mjs');
  process.exitCode = 1;
}
