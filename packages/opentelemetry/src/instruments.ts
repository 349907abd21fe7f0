import type { Counter, Histogram, Meter, ObservableGauge } from '@opentelemetry/api';

/** In seconds, as the semantic conventions advise for operations of databases. */
const DURATIONS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

/** The instruments of one meter. */
export interface Instruments {
  readonly duration: Histogram;
  readonly staleness: ObservableGauge;
  readonly keys: ObservableGauge;
  readonly problems: ObservableGauge;
  readonly resyncs: Counter;
  readonly lost: Counter;
}

export function instrumentsOf(meter: Meter): Instruments {
  return {
    duration: meter.createHistogram('db.client.operation.duration', {
      description: 'Duration of calls of the config store',
      unit: 's',
      advice: { explicitBucketBoundaries: DURATIONS },
    }),
    staleness: meter.createObservableGauge('holdfast.mirror.staleness', {
      description:
        'For how long the mirror may have missed something: 0 while it is live and connected, and when it is closed',
      unit: 's',
    }),
    keys: meter.createObservableGauge('holdfast.mirror.keys', {
      description: 'Keys in the mirrored range, bad ones included',
      unit: '{key}',
    }),
    problems: meter.createObservableGauge('holdfast.mirror.problems', {
      description: 'Keys that the mirror cannot show as they are in the store',
      unit: '{problem}',
    }),
    resyncs: meter.createCounter('holdfast.mirror.resyncs', {
      description: 'How often the mirror read again instead of following, by reason',
      unit: '{resync}',
    }),
    lost: meter.createCounter('holdfast.session.lost', {
      description: 'Sessions that were lost with all locks under them',
      unit: '{session}',
    }),
  };
}
