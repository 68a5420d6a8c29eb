import type { SandboxMount, SandboxRun } from './sandbox-run.js';

/** User and group the command runs as where the platform may choose: `nobody`. */
export const SANDBOX_ID = 65_534;

/** What is known of the machine when a sandbox's command line is made. */
export interface SandboxHost {
  bwrap: string;
  prlimit: string;
  /** With CAP_SYS_ADMIN the mounts are made as root and the command is then another user; otherwise a user namespace does both. */
  privileged: boolean;
  /** `/bin`, `/lib`...: link targets, as a merged `/usr` has them, or undefined where it is a folder of its own. */
  topFolders: readonly { path: string; linkTarget: string | undefined }[];
  cores: number;
}

/** What name resolution and TLS read. */
const NETWORK_FILES: readonly SandboxMount[] = [
  '/etc/resolv.conf', '/etc/hosts', '/etc/nsswitch.conf', '/etc/ssl', '/etc/ca-certificates', '/etc/pki',
].map((path) => ({ from: path, to: path, optional: true }));

const MIB = 1024 * 1024;
const TMP_MIB = 512;

/** Command and arguments of one sandboxed run, as a single exec. */
export function sandboxCommand(run: SandboxRun, host: SandboxHost): { file: string; args: string[] } {
  const args = [...limits(run, host), '--', host.bwrap, ...namespaces(run, host), ...rootFolders(host)];
  args.push('--proc', '/proc', '--dev', '/dev', '--perms', '1777', '--size', String(TMP_MIB * MIB), '--tmpfs', '/tmp');
  const readOnly = run.network ? [...NETWORK_FILES, ...(run.readOnly ?? [])] : (run.readOnly ?? []);
  args.push(...parentFolders([...readOnly, ...(run.writable ?? [])]));
  for (const mount of readOnly) args.push(mount.optional ? '--ro-bind-try' : '--ro-bind', mount.from, mount.to);
  for (const mount of run.writable ?? []) args.push(mount.optional ? '--bind-try' : '--bind', mount.from, mount.to);
  args.push('--chdir', run.cwd ?? '/tmp', '--');
  if (host.privileged) args.push(...becomeNobody());
  args.push(run.command, ...run.args);
  return { file: host.prlimit, args };
}

/** RLIMIT_AS is left alone: Go and V8 reserve far more addresses than they use. */
function limits(run: SandboxRun, host: SandboxHost): string[] {
  const cpuSeconds = Math.ceil((run.timeoutMs / 1000) * host.cores) + 1;
  return [
    `--data=${run.memoryMb * MIB}`, `--cpu=${cpuSeconds}`, `--fsize=${(run.fileSizeMb ?? 512) * MIB}`, '--nproc=4096', '--nofile=8192', '--core=0',
  ];
}

function namespaces(run: SandboxRun, host: SandboxHost): string[] {
  const args = ['--unshare-ipc', '--unshare-pid', '--unshare-uts', '--unshare-cgroup-try', '--hostname', 'sandbox', '--die-with-parent', '--new-session'];
  if (!run.network) args.push('--unshare-net');
  args.push('--cap-drop', 'ALL');
  if (host.privileged) args.push('--cap-add', 'CAP_SETUID', '--cap-add', 'CAP_SETGID', '--cap-add', 'CAP_SETPCAP');
  else args.push('--unshare-user', '--disable-userns', '--uid', String(SANDBOX_ID), '--gid', String(SANDBOX_ID));
  return args;
}

function rootFolders(host: SandboxHost): string[] {
  const args = ['--ro-bind', '/usr', '/usr'];
  for (const folder of host.topFolders) {
    if (folder.linkTarget === undefined) args.push('--ro-bind', folder.path, folder.path);
    else args.push('--symlink', folder.linkTarget, folder.path);
  }
  return args;
}

/** Folders on the way to a mount: those that bwrap makes by itself only their owner may enter. */
function parentFolders(mounts: readonly SandboxMount[]): string[] {
  const folders = new Set<string>();
  for (const { to } of mounts) {
    const parts = to.split('/').slice(1, -1);
    if (['usr', 'proc', 'dev', 'tmp'].includes(parts[0]!)) continue;
    for (let depth = 1; depth <= parts.length; depth += 1) folders.add(`/${parts.slice(0, depth).join('/')}`);
  }
  return [...folders].flatMap((folder) => ['--dir', folder]);
}

function becomeNobody(): string[] {
  const id = String(SANDBOX_ID);
  return ['/usr/bin/setpriv', '--reuid', id, '--regid', id, '--clear-groups', '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs', '--'];
}
