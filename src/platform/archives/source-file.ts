/** A file of a function's source, with its content in memory. */
export interface SourceContent {
  type: 'file';
  /** Relative to the root of the tree, parts divided by `/`, no `.` or `..`. */
  path: string;
  /** 0o755 where any execute bit was set, else 0o644. */
  mode: 0o644 | 0o755;
  content: Buffer;
}

/** A symbolic link that stays inside the tree, however it is followed. */
export interface SourceLink {
  type: 'symlink';
  path: string;
  /** Relative to the folder the link is in. */
  target: string;
}

/** What a source tree is made of. Folders exist through the files in them: an empty folder is not kept. */
export type SourceFile = SourceContent | SourceLink;

/** Execute for anyone means executable; set-user-id, sticky and write bits never survive. */
export function normalMode(mode: number): 0o644 | 0o755 {
  return (mode & 0o111) === 0 ? 0o644 : 0o755;
}

/** Order of bytes in UTF-8, so that sorting does not depend on the machine's language. */
export function byPath(a: { path: string }, b: { path: string }): number {
  return Buffer.compare(Buffer.from(a.path), Buffer.from(b.path));
}
