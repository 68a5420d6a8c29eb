import { spawn } from 'node:child_process';

export interface CommandOptions {
  readonly input?: string;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: number | null;
  constructor(message: string, code: number | null) {
    super(message);
    this.code = code;
  }
}

/**
 * Runs a command to its end.
 * @returns its standard output
 * @throws CommandError with the last lines of its standard error
 */
export function run(command: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: options.timeoutMs ?? 60_000,
      signal: options.signal,
      killSignal: 'SIGKILL',
    });
    const out: Buffer[] = [];
    let problem = '';
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => (problem = (problem + chunk.toString()).slice(-4_000)));
    child.stdin.on('error', () => undefined);
    child.on('error', (error) => reject(new CommandError(`${command}: ${error.message}`, null)));
    child.on('close', (code, killed) => {
      if (code === 0) return resolve(Buffer.concat(out).toString());
      reject(new CommandError(`${command} ${args.slice(0, 4).join(' ')} ended with ${killed ?? code}: ${problem.trim()}`, code));
    });
    child.stdin.end(options.input ?? '');
  });
}

/** As `run`, for steps of cleaning up that may find nothing to do. */
export async function attempt(command: string, args: readonly string[], options: CommandOptions = {}): Promise<string | undefined> {
  try {
    return await run(command, args, options);
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}
