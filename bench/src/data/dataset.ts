/** A key like a gateway's: some 25 bytes. */
export function keyOf(prefix: string, index: number): string {
  return `${prefix}r${String(index).padStart(7, '0')}`;
}

/**
 * A value of about 530 bytes of JSON: a gateway's route. One in fifty is not ASCII, as descriptions in configuration
 * happen to be. `JSON.stringify(JSON.parse(value))` gives it back, so that sides which keep texts and sides which keep
 * objects can be held to the same digest.
 */
export function valueOf(index: number, version = 1): string {
  return JSON.stringify({
    id: index,
    version,
    name: `route-${index}`,
    desc: index % 50 === 0 ? `Straße nach Zürich № ${index}` : `the route of team ${index % 97} in region ${index % 7}`,
    uris: [`/api/v${index % 4}/service-${index % 1000}/resource-${index}`, `/api/v${index % 4}/alias-${index}/*`],
    methods: ['GET', 'POST', 'PUT', 'DELETE'].slice(0, 1 + (index % 4)),
    hosts: [`team-${index % 97}.example.org`],
    priority: index % 10,
    plugins: {
      'limit-count': { count: 100 + (index % 900), time_window: 60, rejected_code: 429, key: 'remote_addr' },
      'proxy-rewrite': { uri: `/internal/${index}/$1`, scheme: 'http' },
      prometheus: { prefer_name: true },
    },
    upstream_id: `upstream-${index % 500}`,
    status: index % 31 === 0 ? 0 : 1,
    update_time: 1_700_000_000 + index,
  });
}
