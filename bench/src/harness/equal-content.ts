/** The part of a side's sample that is compared. */
interface Read {
  readonly figures: unknown;
  readonly digest?: string | undefined;
}

/** A comparison of sides that read different things would be worth nothing. */
export function assertEqualContent(samples: Readonly<Record<string, Read>>): void {
  const digests = Object.entries(samples).filter(([, { digest }]) => digest !== undefined);
  if (new Set(digests.map(([, { digest }]) => digest)).size <= 1) return;
  throw new Error(
    `the sides read different content: ${digests.map(([side, { digest }]) => `${side} ${digest}`).join(', ')}`,
  );
}
