import type { Bench } from './bench.js';
import type { Task } from './task.js';

/** Figures by metric. Names are a row's own; times are in milliseconds and sizes in bytes unless the metric says otherwise. */
export type Figures = Readonly<Record<string, number>>;

/** One run of one side. */
export interface Sample {
  readonly figures: Figures;
  /** A digest of what the side read. Sides of one row must agree in every round. */
  readonly digest?: string;
}

/** One of the programs that a row compares. It runs in a process of its own. */
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

/** A goal for the medians. */
export type Goal = {
  readonly what: string;
  readonly ours: FigureName;
  /** The day from which on it is measured: earlier results have no figures for it. */
  readonly since?: string;
} & (
  | { readonly kind: 'ratio'; readonly peer: FigureName; readonly limit: number }
  | { readonly kind: 'at-most'; readonly limit: number }
  /** The other checkout's: ours is worse if its median is, by more than noise, and if it is worse in every round too. */
  | { readonly kind: 'no-worse'; readonly peer: FigureName }
  /** Ours minus the peer's. */
  | { readonly kind: 'above'; readonly peer: FigureName; readonly limit: number }
);

/** Runs one round: every side once, unless the row does it otherwise. */
export type Round = () => Promise<Readonly<Record<string, Sample>>>;

/** One comparison: a row of the table, or several from the same runs. */
export interface Row {
  readonly name: string;
  readonly title: string;
  /** Tells readers of the results what is measured, and how. */
  readonly about: string;
  /** Whether it runs on each of the etcd versions, on the newest PostgreSQL, or on none. */
  readonly server: 'etcd' | 'postgres' | 'none';
  /** The file in `rows/` that has the sides, if several rows share them. By default its name is that of the row. */
  readonly module?: string;
  /** Runs only when it is asked for by name, and for so many rounds at most: it takes long. */
  readonly onRequest?: { readonly rounds: number };
  readonly sides: Readonly<Record<string, Side>>;
  /** The names of the sides that run Holdfast's code. */
  readonly ours: readonly string[];
  /** Sides that not every machine can run. Goals against one that was not measured are left out. */
  readonly optional?: readonly string[];
  readonly metrics: Readonly<Record<string, Metric>>;
  readonly goals: readonly Goal[];
  /** Processes that take part without being compared. */
  readonly helpers?: Readonly<Record<string, Side>>;
  /** Starts servers and fills them. What it starts through `bench` is closed by `bench`. */
  start(bench: Bench): Promise<Round>;
}
