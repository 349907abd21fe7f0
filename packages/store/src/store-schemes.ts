// cspell:ignore grpcs etcdv inmemory pgsql
const ETCD_3 = 'etcd-v3://host:2379 for etcd 3';
const ETCD_2 = "etcd-v2://host:2379 for etcd's v2 keys API";

// Schemes that people write for a store that has another one.
const MEANT: Readonly<Record<string, string>> = {
  ...sameFor(`${ETCD_3}, or ${ETCD_2}`, ['etcd', 'http', 'grpc', 'localhost']),
  ...sameFor(`${ETCD_3}, or ${ETCD_2}; ?tls=true behind it secures the connections`, ['etcds', 'https', 'grpcs']),
  ...sameFor(ETCD_3, ['etcd3', 'etcdv3', 'etcd-3']),
  ...sameFor(ETCD_2, ['etcd2', 'etcdv2', 'etcd-2']),
  ...sameFor('postgres://host:5432/database for PostgreSQL', ['pg', 'pgsql', 'psql']),
  ...sameFor('files:/etc/app for a folder of YAML and JSON files', ['file', 'folder', 'yaml', 'json', 'configmap']),
  ...sameFor('memory: for the embedded store', ['mem', 'inmemory', 'in-memory']),
};

// The adapter's package knows its aliases, but it has to be found first.
const PACKAGE_OF_ALIAS: Readonly<Record<string, string>> = { postgresql: 'postgres' };

/** `; write …` if the scheme looks like a mistake for another one, and otherwise an empty text. */
export function suggestionFor(scheme: string): string {
  return Object.hasOwn(MEANT, scheme) ? `; write ${MEANT[scheme] ?? ''}` : '';
}

/** The packages that may have the adapter: `@holdfast/<scheme>`, or `holdfast-<scheme>`, the name for packages by others. */
export function packagesFor(scheme: string): readonly [string, string] {
  const name = Object.hasOwn(PACKAGE_OF_ALIAS, scheme) ? PACKAGE_OF_ALIAS[scheme] : scheme;
  return [`@holdfast/${name ?? scheme}`, `holdfast-${name ?? scheme}`];
}

function sameFor(text: string, schemes: readonly string[]): Record<string, string> {
  return Object.fromEntries(schemes.map((scheme) => [scheme, text]));
}
