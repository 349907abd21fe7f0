/** The longest key that LMDB takes, also to look for. No entry has one of that length. */
const LONGEST = 1_978;

/** A range of LMDB's. A longer bound than any key is cut off: no key lies between the two. */
export function boundsOf({ start, end }: { readonly start: Uint8Array; readonly end?: Uint8Array | undefined }): {
  readonly start: Uint8Array;
  readonly end?: Uint8Array;
} {
  return { start: start.subarray(0, LONGEST), ...(end !== undefined && { end: end.subarray(0, LONGEST) }) };
}
