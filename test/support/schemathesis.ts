import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const REQUIREMENTS = resolve('test/proof/requirements.txt');
/** Debian's own: another one in PATH may lack `venv`. */
const PYTHON = '/usr/bin/python3';

interface Ended {
  code: number;
  output: string;
}

/** Both outputs together, as a terminal would show them. */
export function runTool(command: string, args: readonly string[], options: { cwd?: string; env?: Record<string, string>; timeoutMs: number }): Promise<Ended> {
  return new Promise((settle, fail) => {
    const child = spawn(command, args, { cwd: options.cwd, env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', LANG: 'C.UTF-8', ...options.env }, stdio: ['ignore', 'pipe', 'pipe'], timeout: options.timeoutMs });
    const chunks: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.once('error', fail).once('close', (code) => settle({ code: code ?? 1, output: Buffer.concat(chunks).toString('utf8') }));
  });
}

/**
 * Path of `schemathesis`, in a virtual environment of exactly the versions of `test/proof/requirements.txt`, made in the cache folder when
 * it is not there yet.
 */
export async function ensureSchemathesis(cache: string): Promise<string> {
  const home = join(cache, 'schemathesis', createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 16));
  const marker = join(home, 'complete');
  if (!existsSync(marker)) {
    rmSync(home, { recursive: true, force: true });
    mkdirSync(home, { recursive: true });
    await must(PYTHON, ['-m', 'venv', home], 120_000);
    await must(join(home, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:', '--requirement', REQUIREMENTS], 300_000);
    await must(join(home, 'bin/pip'), ['check'], 60_000);
    writeFileSync(marker, '');
  }
  return join(home, 'bin/schemathesis');
}

async function must(command: string, args: readonly string[], timeoutMs: number): Promise<void> {
  const { code, output } = await runTool(command, args, { timeoutMs });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output.slice(-4_000)}`);
}
