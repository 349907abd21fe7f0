/** The endings of files that are entries, the preferred one of each kind first. */
export const EXTENSIONS = ['.yaml', '.yml', '.json', '.txt', '.bin'] as const;

/** What a file's content means: YAML and JSON are structured, `.txt` and `.bin` are bytes as they are. */
export type FileExtension = (typeof EXTENSIONS)[number];

/** The longest of {@link EXTENSIONS}, in bytes. */
export const LONGEST_EXTENSION = 5;

export function extensionOf(name: string): FileExtension | undefined {
  return EXTENSIONS.find((extension) => name.endsWith(extension));
}

/** Whether values of such files are compared by content, and not by bytes. */
export function isStructured(extension: FileExtension): boolean {
  return extension !== '.txt' && extension !== '.bin';
}
