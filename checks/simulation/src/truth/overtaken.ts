/** By how many revisions a store must go back under its old identity, for nothing to overtake what clients know before they notice. */
export const FAR = 12;

interface History {
  readonly identity: string;
  readonly head: number;
}

/** Whether a later history came near what the store was in an earlier one of the same identity. What clients know may be some revisions behind the head. */
export function overtakes(later: History, earlier: History): boolean {
  return later.identity === earlier.identity && later.head >= earlier.head - FAR;
}

/** Whether any history came near an earlier one of the same identity: nobody can tell the two apart. */
export function wasOvertaken(epochs: readonly History[]): boolean {
  return epochs.some((earlier, index) => epochs.slice(index + 1).some((later) => overtakes(later, earlier)));
}
