import { ALWAYS_STRIKES, type Attack } from './attack.js';
import type { V2Answer, V2Change, V2Wire } from './v2-wire.js';

type V2Attack = Attack<V2Wire>;
type Node = Record<string, unknown>;

const HTML = '<html>\u001b[31mIt works!</html>';
const PAGE_HEADERS = { 'content-type': 'text/html' };

/** The answer with every node in it changed. */
function nodes(change: (node: Node) => unknown): V2Change {
  const walk = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const node = value as Node;
    const inner = Array.isArray(node['nodes']) ? { ...node, nodes: node['nodes'].map(walk) } : node;
    return 'value' in inner ? change(inner) : inner;
  };
  return (answer) => {
    const parsed = parse(answer.body);
    if (parsed?.['node'] === undefined) return answer;
    return { ...answer, body: JSON.stringify({ ...parsed, node: walk(parsed['node']) }) };
  };
}

/** The answer about another key, and with what was there before: as a server sends events that mixes up its watches. */
function about(key: string): V2Change {
  return (answer) => {
    const parsed = parse(answer.body);
    const node = parsed?.['node'] as Node | undefined;
    if (node === undefined || 'nodes' in node) return answer;
    const before = parsed?.['prevNode'] as Node | undefined;
    const prevNode = before && { prevNode: { ...before, key } };
    return { ...answer, body: JSON.stringify({ ...parsed, node: { ...node, key }, ...prevNode }) };
  };
}

/** The answer with the previous entry of another key. */
function previousOf(key: string): V2Change {
  return (answer) => {
    const parsed = parse(answer.body);
    if (parsed?.['prevNode'] === undefined) return answer;
    return { ...answer, body: JSON.stringify({ ...parsed, prevNode: { ...(parsed['prevNode'] as Node), key } }) };
  };
}

/** The answer with the nodes of its directory changed. */
function lists(change: (nodes: readonly Node[]) => readonly Node[]): V2Change {
  return (answer) => {
    const parsed = parse(answer.body);
    const node = parsed?.['node'] as Node | undefined;
    if (!Array.isArray(node?.['nodes'])) return answer;
    const changed = { ...node, nodes: change(node['nodes'] as readonly Node[]) };
    return { ...answer, body: JSON.stringify({ ...parsed, node: changed }) };
  };
}

function parse(body: string): Node | undefined {
  try {
    return JSON.parse(body) as Node;
  } catch {
    return undefined;
  }
}

const body =
  (text: string): V2Change =>
  (answer) => ({ ...answer, status: 200, body: text });
const header =
  (name: string, value: string): V2Change =>
  (answer) => ({ ...answer, headers: { ...answer.headers, [name]: value } });
const withoutHeader =
  (name: string): V2Change =>
  (answer) => {
    const { [name]: _left, ...headers } = answer.headers;
    return { ...answer, headers };
  };

const refusal =
  (text: string): V2Change =>
  (answer) => ({ ...answer, status: 400, body: text });
/** That the history which a poll asks for is gone, with an index that none is, or a cause that none is. */
const outdated = (index: string, cause = ''): V2Change =>
  refusal(`{"errorCode":401,"message":"outdated","cause":${JSON.stringify(cause)},"index":${index}}`);

const INDEXES: readonly unknown[] = [0, -1, 1.5, 2 ** 53, 1e300, '4', null, {}];

/** Changed answers of the server: what no etcd says. Another value, or an entry that is left out, is not among them: nobody can tell. */
const CHANGES: readonly (readonly [string, V2Change])[] = [
  ['values that are objects', nodes((node) => ({ ...node, value: { x: 1 } }))],
  ['values that are numbers', nodes((node) => ({ ...node, value: 5 }))],
  ...['/zzz', '/mirrored0', '/mirrored/k0001/x'].flatMap((key) => [
    [`entries of ${key}`, nodes((node) => ({ ...node, key, value: `the value of ${key}` }))] as const,
    [`lists that end with ${key}`, lists((all) => [...all.slice(0, -1), { ...all.at(-1), key }])] as const,
    [`lists with ${key} in addition`, lists((all) => [...all, { ...all.at(-1), key }])] as const,
  ]),
  // Not of `/mirrored`: polls of a directory tell of an entry of its name too, so that is an event left out.
  ...['/zzz', '/a', '/mirrored0', 'mirrored/k0001'].map((key) => [`events of ${key}`, about(key)] as const),
  ['events with the previous entry of another key', previousOf('/mirrored/other')],
  ['a key twice', lists((all) => [...all, ...all.slice(0, 1)])],
  ['entries without a key', nodes(({ key: _key, ...node }) => node)],
  ['entries without a value', nodes(({ value: _value, ...node }) => node)],
  ...INDEXES.flatMap((index) => [
    [`entries modified at ${JSON.stringify(index)}`, nodes((node) => ({ ...node, modifiedIndex: index }))] as const,
    [`entries created at ${JSON.stringify(index)}`, nodes((node) => ({ ...node, createdIndex: index }))] as const,
  ]),
  [
    'nodes that are no list',
    (answer: V2Answer) => ({ ...answer, body: answer.body.replace(/"nodes":\[/, '"nodes":5,"was":[') }),
  ],
  ...[
    '{}',
    '5',
    'null',
    '',
    ' ',
    '[]',
    '"x"',
    '{"action":"get"}',
    '{"action":"get","node":{}}',
    '{"message":"internal error"}',
  ].map((text) => [`the body ${JSON.stringify(text)}`, body(text)] as const),
  ['another action', (answer) => ({ ...answer, body: answer.body.replace(/"action":"\w+"/, '"action":"explode"') })],
  ['half of each body', (answer) => ({ ...answer, body: answer.body.slice(0, answer.body.length / 2) })],
  [
    'half of each body, and the end',
    (answer) => ({ ...answer, body: answer.body.slice(0, answer.body.length / 2), truncated: true }),
  ],
  [
    'half of each body, and silence',
    (answer) => ({ ...answer, body: answer.body.slice(0, answer.body.length / 2), open: true }),
  ],
  ['heads alone', (answer) => ({ ...answer, body: '', open: true })],
  ['another cluster', header('x-etcd-cluster-id', 'deadbeef')],
  ['no cluster', withoutHeader('x-etcd-cluster-id')],
  ['no index', withoutHeader('x-etcd-index')],
  ...['0', '-1', 'x', '9007199254740992', '1e300'].map(
    (index) => [`the index ${index}`, header('x-etcd-index', index)] as const,
  ),
  ['a refusal cut off', (answer) => ({ ...answer, status: 400, body: '{"errorCode":401,"mess', truncated: true })],
  ...['0', '-1', '9007199254740992', '"5"', 'null'].map(
    (index) => [`a refusal at index ${index}`, outdated(index)] as const,
  ),
  ['a refusal without an index', refusal('{"errorCode":401,"message":"outdated","cause":""}')],
  ['a refusal that is no object', refusal('[{"errorCode":401}]')],
  ...['[5', '[9007199254740993/1]', '[-1/1]', '[x/y]'].map(
    (cause) => [`a refusal because of ${cause}`, outdated('5', cause)] as const,
  ),
  [
    'not there, of another key',
    (answer) => ({
      ...answer,
      status: 404,
      body: '{"errorCode":100,"message":"Key not found","cause":"/zzz","index":5}',
    }),
  ],
  [
    'an error that there is not',
    (answer) => ({ ...answer, status: 400, body: '{"errorCode":999,"message":"?","cause":"","index":5}' }),
  ],
];

/** Answers that do not come from the server at all. */
const ANSWERS: readonly (readonly [string, () => V2Answer | 'hang'])[] = [
  ...[200, 204, 302, 400, 401, 403, 404, 405, 413, 429, 500, 502, 503, 504].map(
    (status) =>
      [`a page with ${status}`, () => ({ status, headers: PAGE_HEADERS, body: status === 204 ? '' : HTML })] as const,
  ),
  ['no route', () => ({ status: 404, headers: {}, body: '{"error":"no route"}' })],
  ['a body without an end', () => ({ status: 200, headers: PAGE_HEADERS, body: 'x'.repeat(16_384), endless: true })],
  ['nothing, ever', () => 'hang'],
];

/** A watch first reads, and polls only where that passes: so these are done to long polls alone too. */
const TO_POLLS: readonly (readonly [string, V2Change])[] = [
  ...CHANGES.filter(([name]) => /^(?:a refusal|half of each body|the body|no |the index|not there)/.test(name)),
  ...[200, 204, 400, 404, 405, 503].map(
    (status) =>
      [`a page with ${status}`, () => ({ status, headers: PAGE_HEADERS, body: status === 204 ? '' : HTML })] as const,
  ),
].map(([name, change]) => [
  `to polls: ${name}`,
  (answer, path) => (path.includes('wait=true') ? change(answer, path) : answer),
]);

/** Nothing but time-outs shows these. */
const SILENT: readonly string[] = [
  'half of each body, and silence',
  'to polls: half of each body, and silence',
  'heads alone',
  'nothing, ever',
];

/** Everything that is done to the v2 API. */
export const V2_ATTACKS: readonly V2Attack[] = [
  ...[...CHANGES, ...TO_POLLS].map(([name, change]): V2Attack => ({
    name,
    isSilent: SILENT.includes(name),
    begin: (wire) => {
      wire.change(change);
      return ALWAYS_STRIKES;
    },
  })),
  ...ANSWERS.map(([name, answer]): V2Attack => ({
    name,
    isSilent: SILENT.includes(name),
    begin: (wire) => {
      wire.answer(answer);
      return ALWAYS_STRIKES;
    },
  })),
];
