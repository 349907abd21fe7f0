import type { Bench } from './bench.js';
import type { Task } from './task.js';

/** Figures by metric. Names are a row's own; times are in milliseconds and sizes in bytes unless the metric says otherwise. */
export type Figures = Readonly<Record<string, number>>;

/** One run of one side. */
export interface Sample {
  readonly figures: Figures;
  /** What it read: sides of one row that give a digest must agree in every round. */
  readonly digest?: string;
}

/** One of the things that a row compares. Runs in a process of its own. */
export interface Side {
  readonly label: string;
  run(task: Task): Promise<Sample>;
}

/** How a metric is shown. */
export interface Metric {
  readonly label: string;
  readonly unit: Unit;
}

export type Unit = 'ms' | 'ns' | 'µs' | 'MB' | 'bytes' | 'count' | '%';

export interface FigureName {
  readonly side: string;
  readonly metric: string;
}

/** What must hold of the medians. */
export type Goal = {
  readonly what: string;
  readonly ours: FigureName;
} & (
  | { readonly kind: 'ratio'; readonly peer: FigureName; readonly limit: number }
  | { readonly kind: 'at-most'; readonly limit: number }
  /** Ours minus the peer's. */
  | { readonly kind: 'above'; readonly peer: FigureName; readonly limit: number }
);

/** Runs every side once, or what the row makes of that. */
export type Round = () => Promise<Readonly<Record<string, Sample>>>;

/** One comparison: a row of the table, or several that come of the same runs. */
export interface Row {
  readonly name: string;
  readonly title: string;
  /** What is measured and how, for readers of the results. */
  readonly about: string;
  /** Whether it runs on each of the etcd versions, or once. */
  readonly server: 'etcd' | 'none';
  /** Runs only when it is asked for by name, and for one round: it takes long. */
  readonly onRequest?: true;
  readonly sides: Readonly<Record<string, Side>>;
  readonly metrics: Readonly<Record<string, Metric>>;
  readonly goals: readonly Goal[];
  /** Processes that take part without being compared. */
  readonly helpers?: Readonly<Record<string, Side>>;
  /** Starts servers and fills them. What it starts through `bench` is closed by `bench`. */
  start(bench: Bench): Promise<Round>;
}
