import type { BatchObservableResult, Meter } from '@opentelemetry/api';
import { attributesOf } from './attributes.js';
import { type Instruments, instrumentsOf } from './instruments.js';
import { OpenMirrors } from './open-mirrors.js';
import { ShownMirrors } from './shown-mirrors.js';
import type { Subscriptions } from './subscriptions.js';

/** What the channels tell, as metrics. */
export class Metrics {
  readonly #mirrors = new OpenMirrors();
  readonly #shown = new ShownMirrors();
  #meter: Meter;
  #instruments: Instruments;
  #isObserving = false;

  constructor(meter: Meter) {
    this.#meter = meter;
    this.#instruments = instrumentsOf(meter);
  }

  /** Measures with another meter from now on. */
  use(meter: Meter): void {
    const wasObserving = this.#isObserving;
    this.#observe(false);
    this.#meter = meter;
    this.#instruments = instrumentsOf(meter);
    this.#observe(wasObserving);
  }

  subscribe(subscriptions: Subscriptions): void {
    this.#mirrors.subscribe(subscriptions);
    subscriptions.on('tracing:holdfast:store:call:asyncEnd', (event) => {
      this.#instruments.duration.record((event.durationMs ?? 0) / 1_000, attributesOf(event));
    });
    subscriptions.on('holdfast:mirror:resync', ({ mirror: name, reason }) => {
      this.#instruments.resyncs.add(1, { name, reason });
    });
    subscriptions.on('holdfast:session:state', ({ store, state }) => {
      if (state === 'lost') this.#instruments.lost.add(1, { 'db.system.name': store });
    });
    this.#observe(true);
  }

  end(): void {
    this.#observe(false);
    this.#mirrors.forget();
    this.#shown.forget();
  }

  #observe(observes: boolean): void {
    if (observes === this.#isObserving) return;
    this.#isObserving = observes;
    const { staleness, keys, problems } = this.#instruments;
    const gauges = [staleness, keys, problems];
    if (observes) this.#meter.addBatchObservableCallback(this.#read, gauges);
    else this.#meter.removeBatchObservableCallback(this.#read, gauges);
  }

  readonly #read = (result: BatchObservableResult): void => {
    const { staleness, keys, problems } = this.#instruments;
    for (const { name, store, ...figures } of this.#shown.show(this.#mirrors.figures())) {
      const attributes = { name, 'db.system.name': store };
      result.observe(staleness, figures.stalenessS, attributes);
      result.observe(keys, figures.keys, attributes);
      result.observe(problems, figures.problems, attributes);
    }
  };
}
