import { accessSync, constants, lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, join } from 'node:path';
import { DomainError } from '../errors/domain-error.js';
import type { SandboxHost } from './sandbox-command.policy.js';

const CAP_SYS_ADMIN = 21n;

/**
 * Looks at the machine: which tools it has and what this process may do.
 * @throws {DomainError} SANDBOX_UNAVAILABLE where bubblewrap or util-linux is missing
 */
export function findSandboxHost(path: string = `${process.env.PATH ?? ''}:/usr/bin:/bin`): SandboxHost {
  return {
    bwrap: find('bwrap', 'bubblewrap', path),
    prlimit: find('prlimit', 'util-linux', path),
    privileged: mayMount(),
    topFolders: ['/bin', '/sbin', '/lib', '/lib32', '/lib64'].flatMap((folder) => topFolder(folder)),
    cores: availableParallelism(),
  };
}

function find(tool: string, debianPackage: string, path: string): string {
  for (const folder of path.split(delimiter)) {
    if (!folder.startsWith('/')) continue;
    try {
      accessSync(join(folder, tool), constants.X_OK);
      return join(folder, tool);
    } catch {
      continue;
    }
  }
  throw new DomainError('unavailable', 'SANDBOX_UNAVAILABLE', `Builds need ${tool}, which this machine lacks. Install it: apt-get install ${debianPackage}.`);
}

/** Whether mounts can be made without a user namespace: being root is not enough inside most containers. */
function mayMount(): boolean {
  if (process.geteuid?.() !== 0) return false;
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return effective !== undefined && ((BigInt(`0x${effective}`) >> CAP_SYS_ADMIN) & 1n) === 1n;
}

function topFolder(path: string): { path: string; linkTarget: string | undefined }[] {
  const state = lstatSync(path, { throwIfNoEntry: false });
  if (state === undefined) return [];
  return [{ path, linkTarget: state.isSymbolicLink() ? readlinkSync(path) : undefined }];
}
