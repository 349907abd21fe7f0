/** A failure that the user can correct. The message says how. */
export class QuickstartError extends Error {
  override readonly name = 'QuickstartError';
}
