import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from './command.ts';
import type { Progress } from './progress.ts';

/** Debian packages by a file or command that tells whether they are there. */
export const CLUSTER_PACKAGES: Record<string, string> = {
  containerd: 'containerd',
  runc: 'runc',
  'containernetworking-plugins': '/usr/lib/cni/ptp',
  'docker-registry': 'docker-registry',
  nftables: 'nft',
  iproute2: 'ip',
  openssl: 'openssl',
};

/** Further packages for who makes images and compiles customers' sources. */
export const IMAGE_PACKAGES: Record<string, string> = { debootstrap: 'debootstrap', bubblewrap: 'bwrap', buildah: 'buildah', skopeo: 'skopeo', 'python3-pip': '/usr/lib/python3/dist-packages/pip' };

/** What Schemathesis is installed with. */
export const PROOF_PACKAGES: Record<string, string> = { 'python3-venv': '/usr/share/doc/python3-venv' };

/** Checks the alert rules, and scrapes a platform in its tests. */
export const MONITORING_PACKAGES: Record<string, string> = { prometheus: 'promtool' };

const SBIN = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

function present(probe: string): boolean {
  if (probe.startsWith('/')) return existsSync(probe);
  return [...(process.env['PATH'] ?? '').split(delimiter), ...SBIN].some((folder) => existsSync(join(folder, probe)));
}

/** Puts the administrator's folders into PATH, which a plain user's shell leaves out. */
export function completePath(): void {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  process.env['PATH'] = [...folders, ...SBIN.filter((folder) => !folders.includes(folder))].join(delimiter);
}

/**
 * Installs what is missing of Debian's packages.
 * @throws when not root, with the one command that would install them
 */
export async function ensurePackages(progress: Progress, packages: Record<string, string> = CLUSTER_PACKAGES): Promise<void> {
  const missing = Object.keys(packages).filter((name) => !present(packages[name] ?? name));
  if (missing.length === 0) return;
  const install = ['install', '-o', 'DPkg::Lock::Timeout=120', '--yes', '--no-install-recommends', ...missing];
  if (process.getuid?.() !== 0) throw new Error(`Debian packages are missing. This installs them:\n\n  sudo apt-get update && sudo apt-get ${install.join(' ')}\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const release = forbidServices();
  try {
    await progress.step(`installing ${missing.join(', ')}`, async () => {
      await run('apt-get', ['update', '--quiet'], { env, timeoutMs: 300_000 });
      await run('apt-get', install, { env, timeoutMs: 600_000 });
    }, 40_000);
  } finally {
    release();
  }
}

/** The cluster starts its own daemons: those that the packages would start as services would only take their ports. */
function forbidServices(): () => void {
  const file = '/usr/sbin/policy-rc.d';
  if (existsSync(file)) return () => undefined;
  writeFileSync(file, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  return () => rmSync(file, { force: true });
}
