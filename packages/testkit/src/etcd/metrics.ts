/** One line of a Prometheus text page. */
interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/**
 * The sum of a metric's samples that carry all of `labels`, from a page in Prometheus' text format. 0 if the metric has samples, but
 * none with these labels. A metric that is not on the page is an error, not 0: a check that a count is back at its baseline must not
 * pass because of a typing mistake.
 */
export function sumMetric(page: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const samples = page.split('\n').flatMap((line) => parse(line) ?? []);
  const named = samples.filter((sample) => sample.name === name);
  if (named.length === 0) throw new Error(`The server has no metric ${name}`);
  return named
    .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
    .reduce((sum, sample) => sum + sample.value, 0);
}

function parse(line: string): Sample | undefined {
  const [, name, labels = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/.exec(line) ?? [];
  if (name === undefined || value === undefined) return undefined;
  const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label = '', text = '']) => [label, text]);
  return { name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) };
}
