/** A file or folder of the host, and where it stands inside the sandbox (both absolute). */
export interface SandboxMount {
  from: string;
  to: string;
  /** Left out silently where the host has no such path. */
  optional?: boolean;
}

/** One command in a sandbox: it sees the host's `/usr`, an empty `/tmp`, a minimal `/dev` and `/proc`, and what is mounted here; nothing else. */
export interface SandboxRun {
  /** Absolute path inside the sandbox. */
  command: string;
  args: readonly string[];
  readOnly?: readonly SandboxMount[];
  /** Folders the command may write to; they must belong to {@link sandboxOwner}, see {@link giveToSandbox}. */
  writable?: readonly SandboxMount[];
  /** The whole environment beside PATH, HOME and TMPDIR: nothing is inherited. */
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  /** Off: a network of its own with nothing in it, not even a way to the host's loopback. On: the host's. */
  network: boolean;
  timeoutMs: number;
  /** Private memory of one process (RLIMIT_DATA), which counts what is used, not what Go or V8 only reserve. */
  memoryMb: number;
  /** Bytes kept of standard output, and as many of standard error: the first and the last half of it. */
  outputLimit?: number;
  /** Largest single file it may write. */
  fileSizeMb?: number;
  signal?: AbortSignal;
}

export interface SandboxResult {
  /** null when it was killed. */
  exitCode: number | null;
  /** It ran longer than `timeoutMs` and was killed with all its children. */
  timedOut: boolean;
  stdout: string;
  stderr: string;
  durationMs: number;
}
