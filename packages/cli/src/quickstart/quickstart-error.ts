/** Something that the person at the keyboard can put right; the message says how. */
export class QuickstartError extends Error {
  override readonly name = 'QuickstartError';
}
