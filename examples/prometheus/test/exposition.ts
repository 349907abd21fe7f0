/** What one scrape of `/metrics` gave: the values by series, written as in PromQL. */
export type Scrape = ReadonlyMap<string, number>;

export async function scrape(url: string): Promise<Scrape> {
  return samplesIn(await (await fetch(`${url}/metrics`)).text());
}

/** What a text in Prometheus' format says. */
export function samplesIn(text: string): Scrape {
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    samples.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

/** The name of a series' metric. */
export function nameOf(series: string): string {
  return series.replace(/\{.*$/, '');
}

/** The names of metrics in a query. */
export function namesIn(query: string): string[] {
  return query.match(/\bholdfast_\w+/g) ?? [];
}
