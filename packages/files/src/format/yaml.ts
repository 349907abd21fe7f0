import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseAllDocuments,
  Scalar,
  stringify,
  visit,
  type Alias,
  type Document,
  type Node,
  type YAMLMap,
} from 'yaml';
import { badContent } from './bad-content.js';
import { DEEPEST, isJsonNumber } from './json.js';

// YAML 1.2 to JSON text, node by node: no number is rounded, no key gets lost, and no alias grows without bound.

/** The largest JSON text that aliases may grow to, in characters. */
const LONGEST_JSON = 16 * 1024 * 1024;
/** How many nodes may come from aliases. */
const MOST_ALIASED = 100_000;

const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

/** What YAML 1.1 reads as something else: truth values, octal numbers, numbers to the base of 60. */
const DIFFERS_IN_1_1 = /^(?:[yn]|yes|no|on|off|[-+]?0\d+|[-+]?\d+(?::[0-5]?\d)+)$/i;

const DAMAGED = 'it has control characters, such as those of a damaged file: write it anew';
const TOO_DEEP = 'it is nested too deeply: make it flatter';

/** A person looks at the first ones. */
const MOST_DOUBTFUL = 3;

export interface JsonOfYaml {
  readonly json: string;
  /** Plain words that YAML 1.1 reads as something else, at their lines. */
  readonly doubtful: readonly string[];
}

/**
 * The JSON text of a YAML document, in the order of the file.
 *
 * @throws StoreError `invalid-argument` for what is no YAML 1.2, has no JSON form, or is not exactly one document
 */
export function jsonOfYaml(text: string): JsonOfYaml {
  if (CONTROL.test(text)) throw badContent(DAMAGED);
  return notTooDeep(() => new Writer(parseOne(text), text).write());
}

/**
 * The members of a mapping, each as JSON text, in the order of the file.
 *
 * @throws StoreError `invalid-argument` as {@link jsonOfYaml} does, and for what is no mapping
 */
export function membersOfYaml(text: string): { members: Map<string, string>; doubtful: readonly string[] } {
  if (CONTROL.test(text)) throw badContent(DAMAGED);
  return notTooDeep(() => {
    const document = parseOne(text);
    if (!isMap(document.contents)) throw badContent('it must have a mapping: each key with its value');
    const writer = new Writer(document, text);
    return { members: writer.topMembers(document.contents), doubtful: writer.doubtful };
  });
}

/**
 * A YAML text of a JSON text, if {@link jsonOfYaml} gives back exactly the same JSON text; otherwise `undefined`.
 */
export function yamlOfJson(json: string): string | undefined {
  const value = parsed(json);
  if (typeof value !== 'object' || value === null || JSON.stringify(value) !== json) return undefined;
  try {
    // `compat`: words that YAML 1.1 reads as something else are put in quotation marks.
    const yaml = stringify(value, { lineWidth: 0, aliasDuplicateObjects: false, compat: 'yaml-1.1' });
    return jsonOfYaml(yaml).json === json ? yaml : undefined;
  } catch {
    return undefined;
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function parseOne(text: string): Document.Parsed {
  const documents = parseAll(text);
  if (documents.length > 1) {
    throw badContent(`it has ${documents.length} YAML documents: a file is one entry, so write one file for each`);
  }
  const [document] = documents;
  if (document === undefined || document.contents === null || isMissing(document.contents)) {
    throw badContent('it is empty: write a value, or null, or delete the file');
  }
  const [error] = [...document.errors, ...document.warnings];
  if (error?.message.startsWith('Maximum call stack')) throw badContent(TOO_DEEP);
  // The library's messages go on with lines of the file, which may hold secrets.
  if (error !== undefined) throw badContent(`it is no valid YAML: ${error.message.split(/:?\n/)[0] ?? error.code}`);
  if (document.directives.yaml.explicit && document.directives.yaml.version !== '1.2') {
    throw badContent(`it says %YAML ${document.directives.yaml.version}, and is read as YAML 1.2: delete that line`);
  }
  return document;
}

function parseAll(text: string): readonly Document.Parsed[] {
  const documents = parseAllDocuments(text, {
    schema: 'core',
    intAsBigInt: true,
    // Looked at below, by the keys that JSON has.
    uniqueKeys: false,
    logLevel: 'silent',
  });
  return 'empty' in documents ? [] : documents;
}

/** The library, and what goes through its nodes, call themselves for each level. */
function notTooDeep<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw badContent(TOO_DEEP);
  }
}

/** Nothing at all, other than a written null. */
function isMissing(node: unknown): boolean {
  return isScalar(node) && node.value === null && (node.source ?? '') === '' && node.tag === undefined;
}

class Writer {
  readonly #document: Document.Parsed;
  readonly #text: string;
  readonly #targets = new Map<Alias, Node>();
  readonly doubtful: string[] = [];
  readonly #parents = new Set<unknown>();
  #aliased = 0;
  #length = 0;

  constructor(document: Document.Parsed, text: string) {
    this.#document = document;
    this.#text = text;
  }

  write(): JsonOfYaml {
    this.#findTargets();
    const json = this.#node(this.#document.contents, false);
    return { json, doubtful: this.doubtful };
  }

  topMembers(map: YAMLMap): Map<string, string> {
    this.#findTargets();
    this.#parents.add(map);
    return this.#members(map, false);
  }

  /** An alias means the anchor before it, also where the name is given anew further on. */
  #findTargets(): void {
    const anchors = new Map<string, Node>();
    visit(this.#document, {
      Node: (_, node) => {
        if (isAlias(node)) {
          const target = anchors.get(node.source);
          if (target !== undefined) this.#targets.set(node, target);
        } else if (node.anchor !== undefined) anchors.set(node.anchor, node);
      },
    });
  }

  #node(node: unknown, fromAlias: boolean): string {
    if (isAlias(node)) return this.#node(this.#resolve(node), true);
    if (fromAlias) this.#countAliased();
    if (isScalar(node)) return this.#grown(this.#scalar(node));
    if (!isMap(node) && !isSeq(node)) return 'null';
    if (this.#parents.has(node)) throw badContent(`it has an alias of what is around it${this.#placeOf(node)}`);
    if (this.#parents.size >= DEEPEST) throw badContent(`it has more than ${DEEPEST} levels: make it flatter`);
    this.#parents.add(node);
    const json = isMap(node)
      ? `{${[...this.#members(node, fromAlias)].map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`
      : `[${node.items.map((item) => this.#node(item, fromAlias)).join(',')}]`;
    this.#parents.delete(node);
    return json;
  }

  #countAliased(): void {
    this.#aliased += 1;
    if (this.#aliased <= MOST_ALIASED) return;
    throw badContent(`its aliases grow to more than ${MOST_ALIASED} values: write them out`);
  }

  #resolve(alias: Alias): Node {
    const target = this.#targets.get(alias);
    if (target === undefined) throw badContent(`it has an alias without an anchor before it${this.#placeOf(alias)}`);
    return target;
  }

  #members(map: YAMLMap, fromAlias: boolean): Map<string, string> {
    const members = new Map<string, string>();
    const merged: YAMLMap[] = [];
    for (const pair of map.items) {
      if (isMerge(pair.key)) {
        for (const other of this.#mergedMaps(pair.value)) merged.push(other);
        continue;
      }
      const key = this.#keyText(pair.key);
      if (members.has(key)) throw badContent(`it has a key twice in one mapping${this.#placeOf(pair.key)}`);
      members.set(this.#grown(key), this.#node(pair.value, fromAlias));
    }
    // Its own keys come first, then those of the earlier mappings.
    for (const other of merged) {
      for (const [key, value] of this.#mergedMembers(other)) if (!members.has(key)) members.set(key, value);
    }
    return members;
  }

  #mergedMembers(map: YAMLMap): Map<string, string> {
    this.#countAliased();
    if (this.#parents.has(map)) throw badContent(`it merges a mapping into itself${this.#placeOf(map)}`);
    this.#parents.add(map);
    const members = this.#members(map, true);
    this.#parents.delete(map);
    return members;
  }

  #mergedMaps(node: unknown): YAMLMap[] {
    const target = isAlias(node) ? this.#resolve(node) : node;
    const maps = isSeq(target) ? target.items : [target];
    return maps.map((item) => {
      const map = isAlias(item) ? this.#resolve(item) : item;
      if (isMap(map)) return map;
      throw badContent(`it merges (<<) something else than mappings${this.#placeOf(node)}`);
    });
  }

  #keyText(node: unknown): string {
    const key = isAlias(node) ? this.#resolve(node) : node;
    if (isScalar(key)) {
      if (typeof key.value === 'string') return key.value;
      // 8080 is a text by its looks; 0x10 and null would become another one.
      if (key.value !== null && String(key.value) === key.source) return key.source;
    }
    throw badContent(`it has a key that is no text${this.#placeOf(key ?? node)}: put it in quotation marks`);
  }

  #scalar(scalar: Scalar): string {
    const { value, source = '' } = scalar;
    if (scalar.type === Scalar.PLAIN && DIFFERS_IN_1_1.test(source) && this.doubtful.length < MOST_DOUBTFUL) {
      this.doubtful.push(`${source}${this.#placeOf(scalar)}`);
    }
    switch (typeof value) {
      case 'string':
        return JSON.stringify(value);
      case 'boolean':
        return String(value);
      case 'bigint':
        return isJsonNumber(source) ? source : value.toString();
      case 'number':
        return this.#float(scalar, value, source);
      default:
        if (value === null) return 'null';
        throw badContent(`it has a value without a JSON form${this.#placeOf(scalar)}: write it as a text`);
    }
  }

  /** As it is written, where JSON has that form or nearly so: .5, +1.5, 1. */
  #float(scalar: Scalar, value: number, source: string): string {
    const written = source
      .replace(/^\+/, '')
      .replace(/^(-?)0*(?=\d)/, '$1')
      .replace(/^(-?)\./, '$10.')
      .replace(/\.(?=$|[eE])/, '.0');
    if (isJsonNumber(written)) return written;
    if (Number.isFinite(value)) return JSON.stringify(value);
    throw badContent(`it has ${source}${this.#placeOf(scalar)}, and JSON has no such number: write it as a text`);
  }

  #grown(json: string): string {
    this.#length += json.length;
    if (this.#length > LONGEST_JSON) throw badContent('its aliases grow without bound: write them out');
    return json;
  }

  #placeOf(node: unknown): string {
    const range = (node as Partial<Node> | null)?.range;
    if (range === undefined || range === null) return '';
    return ` at line ${this.#text.slice(0, range[0]).split('\n').length}`;
  }
}

function isMerge(node: unknown): boolean {
  return isScalar(node) && node.value === '<<' && node.type === Scalar.PLAIN;
}
