/** Debian packages without an installation: pinned, downloaded by `apt-get`, unpacked by `dpkg-deb` and `tar`. */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const DOWNLOAD_MS = 300_000;

/** `packages.json`: what the recipe was written for. */
export interface PinnedPackage {
  version: string;
  sha256: string;
}
export type PinnedPackages = Record<string, PinnedPackage>;

async function sha256(file: string): Promise<string> {
  return createHash('sha256').update(await readFile(file)).digest('hex');
}

function debName(name: string, version: string): string {
  return `${name}_${version.replaceAll(':', '%3a')}.deb`;
}

async function aptDownload(specs: string[], folder: string): Promise<void> {
  await run('apt-get', ['download', '-q', '-o', 'APT::Sandbox::User=root', '-o', 'Acquire::Retries=3', ...specs], { cwd: folder, timeout: DOWNLOAD_MS });
}

/** Downloads one package in the pinned version, else, when the archive has dropped that, in its present one. */
async function download(name: string, pin: PinnedPackage, folder: string, log: (line: string) => void): Promise<string> {
  const scratch = await mkdtemp(join(folder, 'download-'));
  try {
    try {
      await aptDownload([`${name}=${pin.version}`], scratch);
    } catch {
      log(`${name} ${pin.version} is no longer in the archive: taking its present version; update deploy/runtimes/packages.json`);
      await aptDownload([name], scratch);
    }
    const [file] = await readdir(scratch);
    if (file === undefined) throw new Error(`apt-get download ${name} left no file`);
    const { stdout } = await run('dpkg-deb', ['-f', join(scratch, file), 'Version']);
    const version = stdout.trim();
    if (version === pin.version && (await sha256(join(scratch, file))) !== pin.sha256) throw new Error(`${name} ${version} is not the file the recipe was written for (SHA-256 differs)`);
    const kept = join(folder, debName(name, version));
    await rename(join(scratch, file), kept);
    return kept;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/**
 * Gives the `.deb` file of each package, from `folder` where an earlier run left it. Refreshes apt's lists once when a
 * download fails (needs root). Fails with apt's own words.
 */
export async function fetchPackages(names: string[], pins: PinnedPackages, folder: string, log: (line: string) => void): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const files: string[] = [];
  let refreshed = false;
  for (const name of names) {
    const pin = pins[name];
    if (!pin) throw new Error(`deploy/runtimes/packages.json does not pin ${name}`);
    const kept = join(folder, debName(name, pin.version));
    if ((await sha256(kept).catch(() => '')) === pin.sha256) {
      files.push(kept);
      continue;
    }
    if (!refreshed && !(await aptKnows(name, pin.version))) {
      refreshed = true;
      await run('apt-get', ['update', '-q'], { timeout: DOWNLOAD_MS }).catch((error: unknown) => log(`apt-get update failed: ${String(error)}`));
    }
    files.push(await download(name, pin, folder, log));
  }
  return files;
}

async function aptKnows(name: string, version: string): Promise<boolean> {
  const { stdout } = await run('apt-cache', ['madison', name]).catch(() => ({ stdout: '' }));
  return stdout.includes(version);
}

/** Unpacks a package's files into `root` and notes it where image scanners look (`/var/lib/dpkg/status.d`). */
export async function unpackPackage(deb: string, root: string): Promise<void> {
  const archive = spawn('dpkg-deb', ['--fsys-tarfile', deb], { stdio: ['ignore', 'pipe', 'inherit'] });
  // `lib -> usr/lib` and its like stay links when a package brings files below /lib.
  const tar = spawn('tar', ['-x', '--keep-directory-symlink', '--no-same-owner', '-C', root, '-f', '-'], { stdio: ['pipe', 'ignore', 'inherit'] });
  const ended = Promise.all([archive, tar].map((child) => new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))));
  // tar may close its end before the last padding is written; whether all went well is what the two exit codes say.
  await pipeline(archive.stdout, tar.stdin).catch(() => {});
  if ((await ended).some((code) => code !== 0)) throw new Error(`${deb} could not be unpacked`);
  const { stdout } = await run('dpkg-deb', ['-f', deb]);
  const name = /^Package: (.+)$/m.exec(stdout)?.[1] ?? 'unknown';
  await mkdir(join(root, 'var/lib/dpkg/status.d'), { recursive: true });
  await writeFile(join(root, 'var/lib/dpkg/status.d', name), stdout);
}
