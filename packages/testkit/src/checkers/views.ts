import type { KeyRange } from '@holdfast/store/adapter';
import { sameContent, show } from '../conformance/expect.js';
import { checkIterable, checkShape } from '../check.js';
import { checkTimeline } from './check-arguments.js';
import { States, type Timeline } from './timeline.js';
import type { Violation } from './violation.js';

/** Keys with their values: a mirror, a map, a store's list. */
export type View = Iterable<readonly [key: string, value: unknown]>;

/** *Equal*: both views hold the same. */
export function checkEqualViews(name: string, actual: View, expected: View): Violation[] {
  checkIterable(actual, 'checkEqualViews(name, actual)');
  checkIterable(expected, 'checkEqualViews(name, actual, expected)');
  const [left, right] = [new Map(actual), new Map(expected)];
  const violated = (message: string): Violation => ({ guarantee: 'equal', message: `${name} ${message}` });
  return [
    ...[...right].flatMap(([key, value]) => {
      if (!left.has(key)) return [violated(`lacks ${key}`)];
      const held = left.get(key);
      return sameContent(held, value) ? [] : [violated(`has ${show(held)} for ${key} instead of ${show(value)}`)];
    }),
    ...[...left.keys()]
      .filter((key) => !right.has(key))
      .map((key) => violated(`has ${key}, which should not be there`)),
  ];
}

/** One change, as a listener got it. */
export type ViewChange =
  | { readonly type: 'put'; readonly key: string; readonly value: unknown }
  | { readonly type: 'delete'; readonly key: string };

/**
 * *Listener's view*: a listener that applies all changes to the first state ends with the last one. No change leaves things as they
 * were.
 */
export function checkListenerView(
  name: string,
  initial: View,
  changes: Iterable<ViewChange>,
  final: View,
): Violation[] {
  checkIterable(initial, 'checkListenerView(name, initial)');
  checkIterable(changes, 'checkListenerView(name, initial, changes)');
  checkIterable(final, 'checkListenerView(name, initial, changes, final)');
  const view = new Map(initial);
  const idle: Violation[] = [];
  for (const change of changes) {
    const had = view.has(change.key);
    const same = change.type === 'put' ? had && sameContent(view.get(change.key), change.value) : !had;
    if (same)
      idle.push({
        guarantee: 'listener',
        message: `${name} was told to ${change.type} ${change.key}, which changed nothing`,
      });
    if (change.type === 'put') view.set(change.key, change.value);
    else view.delete(change.key);
  }
  const different = checkEqualViews(`${name}, by what it was told,`, view, final);
  return [...idle, ...different.map(({ message }) => ({ guarantee: 'listener', message }))];
}

/** What a reader saw at one moment: the `modRevision` of every key of a range. */
export type Observation = ReadonlyMap<string, number>;

/** *Untorn*: each observation is the state of the range at one revision. No transaction is seen in part. */
export function checkUntorn(
  name: string,
  observations: Iterable<Observation>,
  timeline: Timeline,
  range: KeyRange,
): Violation[] {
  checkIterable(observations, 'checkUntorn(name, observations)');
  checkTimeline(timeline, 'checkUntorn()');
  checkShape(
    range,
    ['contains'],
    'checkUntorn(name, observations, timeline, range)',
    'KeyRange.from({ prefix }) makes one',
  );
  const states = new States(timeline);
  const violations: Violation[] = [];
  for (const observation of observations) {
    const newest = Math.max(timeline.from, ...observation.values());
    const candidates = [
      newest,
      ...timeline.steps.map(({ revision }) => revision).filter((revision) => revision > newest),
    ];
    const isAt = (revision: number) => {
      const entries = states.entriesAt(revision, (key) => range.contains(key));
      return (
        entries.length === observation.size &&
        entries.every(({ key, modRevision }) => observation.get(key) === modRevision)
      );
    };
    if (!candidates.some(isAt)) {
      violations.push({
        guarantee: 'untorn',
        message: `${name} saw ${show(observation)}, which is the state at no revision`,
      });
    }
  }
  return violations;
}
