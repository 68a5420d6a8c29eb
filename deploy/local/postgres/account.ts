import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { run } from '../cluster/command.ts';

/** Who Postgres runs as: it refuses to run as root. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Made when the machine has no user for Postgres yet. */
const OWN_USER = 'fnplane';

function lookUp(name: string): Account | undefined {
  const line = readFileSync('/etc/passwd', 'utf8').split('\n').find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid && gid ? { uid: Number(uid), gid: Number(gid) } : undefined;
}

/** @returns the unprivileged account to use, or undefined when this process is unprivileged itself */
export async function unprivilegedAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const known = lookUp(OWN_USER) ?? lookUp('postgres');
  if (known) return known;
  await run('useradd', ['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent', '--shell', '/usr/sbin/nologin', OWN_USER]);
  const made = lookUp(OWN_USER);
  if (!made) throw new Error(`The system user ${OWN_USER} could not be made.`);
  return made;
}

/** Whether the account can run a command: the way to ask whether it reaches a path. */
export async function can(account: Account | undefined, command: string, ...args: string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { ...account, stdio: 'ignore', cwd: '/', timeout: 10_000 });
    child.on('error', () => resolve(false));
    child.on('close', (code) => resolve(code === 0));
  });
}
