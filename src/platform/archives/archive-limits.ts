const MIB = 1024 * 1024;

/** Bounds of a source archive. All are checked while reading, before a byte reaches a disk. */
export interface ArchiveLimits {
  packedBytes: number;
  unpackedBytes: number;
  entries: number;
  /** Bytes of a path in UTF-8. */
  pathBytes: number;
  depth: number;
  /** Unpacked over packed size, looked at once more than `ratioFromBytes` came out. */
  ratio: number;
  ratioFromBytes: number;
}

export const ARCHIVE_LIMITS: Readonly<ArchiveLimits> = {
  packedBytes: 20 * MIB,
  unpackedBytes: 100 * MIB,
  entries: 10_000,
  pathBytes: 512,
  depth: 32,
  ratio: 200,
  ratioFromBytes: MIB,
};

/** A size for people: `20 MiB`. */
export function inMib(bytes: number): string {
  return `${Math.round((bytes / MIB) * 10) / 10} MiB`;
}
