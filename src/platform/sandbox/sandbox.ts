import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chown, lchown, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError } from '../errors/domain-error.js';
import { OutputCapture } from './output-capture.js';
import { SANDBOX_ID, sandboxCommand, type SandboxHost } from './sandbox-command.policy.js';
import { findSandboxHost } from './sandbox-host.js';
import type { SandboxResult, SandboxRun } from './sandbox-run.js';

const OUTPUT_LIMIT = 64 * 1024;
const PIPES_CLOSE_WITHIN_MS = 2_000;

let foundHost: SandboxHost | undefined;

function host(): SandboxHost {
  return (foundHost ??= findSandboxHost());
}

/**
 * Runs one command in a sandbox and waits for its end. A command that fails is a result, not an error.
 * @throws {DomainError} SANDBOX_UNAVAILABLE where the machine cannot make sandboxes
 * @throws the signal's reason when it was aborted; everything it started is dead by then
 */
export async function runSandboxed(run: SandboxRun): Promise<SandboxResult> {
  run.signal?.throwIfAborted();
  const { file, args } = sandboxCommand(run, host());
  const started = performance.now();
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/tmp', TMPDIR: '/tmp', LANG: 'C.UTF-8', ...run.env };
  // Detached: its own process group, so that one kill reaches the tool, and the death of the namespace's first process the rest.
  const child = spawn(file, args, { env, cwd: '/', detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const stdout = new OutputCapture(run.outputLimit ?? OUTPUT_LIMIT);
  const stderr = new OutputCapture(run.outputLimit ?? OUTPUT_LIMIT);
  child.stdout!.on('data', (chunk: Buffer) => stdout.add(chunk));
  child.stderr!.on('data', (chunk: Buffer) => stderr.add(chunk));
  const { exitCode, timedOut } = await ended(child, run);
  run.signal?.throwIfAborted();
  const errors = stderr.text();
  if (!timedOut && exitCode !== 0 && isOwnFailure(errors)) throw unavailable(errors);
  return { exitCode: timedOut ? null : exitCode, timedOut, stdout: stdout.text(), stderr: errors, durationMs: Math.round(performance.now() - started) };
}

async function ended(child: ChildProcess, run: SandboxRun): Promise<{ exitCode: number | null; timedOut: boolean }> {
  let timedOut = false;
  const kill = (): void => {
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch {
      // Gone already.
    }
  };
  const timer = setTimeout(() => {
    timedOut = true;
    kill();
  }, run.timeoutMs);
  run.signal?.addEventListener('abort', kill, { once: true });
  try {
    const [exitCode] = (await once(child, 'exit')) as [number | null];
    await pipesClosed(child);
    return { exitCode, timedOut };
  } catch (error) {
    throw unavailable((error as Error).message);
  } finally {
    clearTimeout(timer);
    run.signal?.removeEventListener('abort', kill);
  }
}

/** The rest of the output is still in the pipes at the exit; a process that outlived the kill must not hold us. */
async function pipesClosed(child: ChildProcess): Promise<void> {
  const waits = [child.stdout!, child.stderr!].filter((pipe) => !pipe.closed).map((pipe) => once(pipe, 'close'));
  const deadline = new Promise<void>((resolve) => setTimeout(resolve, PIPES_CLOSE_WITHIN_MS).unref());
  await Promise.race([Promise.all(waits), deadline]);
  child.stdout!.destroy();
  child.stderr!.destroy();
}

function isOwnFailure(errors: string): boolean {
  return /^(bwrap|prlimit|setpriv): /m.test(errors) && !/execvp|failed to execute/.test(errors);
}

function unavailable(why: string): DomainError {
  const hint = 'Outside of root, unprivileged user namespaces must be allowed (kernel.unprivileged_userns_clone, user.max_user_namespaces, the container\'s seccomp profile).';
  return new DomainError('unavailable', 'SANDBOX_UNAVAILABLE', `The build sandbox cannot start: ${why.trim().split('\n').slice(-1)[0]}. ${hint}`, { cause: why });
}

/** Host user and group that files written in a sandbox belong to. */
export function sandboxOwner(): { uid: number; gid: number } {
  return host().privileged ? { uid: SANDBOX_ID, gid: SANDBOX_ID } : { uid: process.geteuid!(), gid: process.getegid!() };
}

/** Makes a folder (parents too) that sandboxed commands may write to. */
export async function makeSandboxFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o755 });
  await giveToSandbox(path);
}

/** Hands a path to the sandbox's user; with `deep`, everything below it too. Links are not followed. */
export async function giveToSandbox(path: string, deep = false): Promise<void> {
  if (!host().privileged) return;
  const { uid, gid } = sandboxOwner();
  await chown(path, uid, gid);
  if (!deep) return;
  for (const entry of await readdir(path, { withFileTypes: true, recursive: true })) await lchown(join(entry.parentPath, entry.name), uid, gid);
}
