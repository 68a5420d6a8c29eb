/** The base of the Dockerfile's compiling stages where no public registry can be reached: Node, npm and a shell from packages. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../local/cluster/command.ts';
import { fetchPackages, unpackPackage, type PinnedPackages } from '../runtimes/debian-packages.ts';
import type { Buildah } from './buildah.ts';

const RECIPE = join(import.meta.dirname, 'build-base.dockerfile');
const PACKAGES: PinnedPackages = {
  'busybox-static': { version: '1:1.35.0-4+deb12u1+b1', sha256: '3d3fdbe91d4660c873e14b092c213fe81c1da6362daa236eb25d0171eb108744' },
};
const NPM = { version: '11.19.1', integrity: 'sha512-ztsxKxt/kkIaAs+2i0GU6I+DRmUdrNasxTZKJe9TCdSjKxlhah/4r/hl5ygMD6XAg1qZ9c2TNomR4qgOydp10g==' };
/** Raised with what {@link fillTools} does. */
const RECIPE_VERSION = 1;

export interface BuildBaseOptions {
  buildah: Buildah;
  /** Name in buildah's storage of an image with Node alone. */
  nodeBase: string;
  /** Downloads are kept here. */
  folder: string;
  log(line: string): void;
}

async function isNpm(file: string): Promise<boolean> {
  const content = await readFile(file).catch(() => null);
  return content !== null && NPM.integrity === `sha512-${createHash('sha512').update(content).digest('base64')}`;
}

/** npm's own package: it carries all that it depends on. */
async function fetchNpm(folder: string): Promise<string> {
  const kept = join(folder, `npm-${NPM.version}.tgz`);
  if (await isNpm(kept)) return kept;
  const scratch = await mkdtemp(join(folder, 'npm-'));
  try {
    await run('npm', ['pack', `npm@${NPM.version}`, '--silent', '--pack-destination', scratch], { cwd: scratch, timeoutMs: 120_000 });
    const [file = ''] = await readdir(scratch);
    if (!(await isNpm(join(scratch, file)))) throw new Error(`npm ${NPM.version} is not the file the recipe was written for (SHA-512 differs)`);
    await rename(join(scratch, file), kept);
    return kept;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** A shell and its tools as links to one static binary, and npm beside the base's Node. */
async function fillTools(root: string, folder: string, log: (line: string) => void): Promise<void> {
  const binaries = join(root, 'usr/bin');
  const modules = join(root, 'usr/lib/node_modules');
  await mkdir(binaries, { recursive: true });
  await mkdir(join(modules, 'npm'), { recursive: true });
  for (const deb of await fetchPackages(Object.keys(PACKAGES), PACKAGES, join(folder, 'debs'), log)) {
    const unpacked = await mkdtemp(join(folder, 'deb-'));
    await unpackPackage(deb, unpacked);
    await rename(join(unpacked, 'bin/busybox'), join(binaries, 'busybox'));
    await rm(unpacked, { recursive: true });
  }
  const applets = (await run(join(binaries, 'busybox'), ['--list'])).trim().split('\n');
  for (const applet of applets) if (applet !== 'busybox') await symlink('busybox', join(binaries, applet));
  await run('tar', ['-x', '-z', '-f', await fetchNpm(folder), '--no-same-owner', '--strip-components=1', '-C', join(modules, 'npm')]);
  for (const tool of ['npm', 'npx']) await symlink(`../lib/node_modules/npm/bin/${tool}-cli.js`, join(binaries, tool));
}

/**
 * Makes sure the storage has the build base of this recipe on `nodeBase`; some seconds where it has not.
 * @returns its name
 */
export async function provideBuildBase({ buildah, nodeBase, folder, log }: BuildBaseOptions): Promise<string> {
  const recipe = JSON.stringify([RECIPE_VERSION, await readFile(RECIPE, 'utf8'), PACKAGES, NPM, nodeBase]);
  const name = `localhost/fnplane/build-base:${createHash('sha256').update(recipe).digest('hex').slice(0, 32)}`;
  if (await buildah.find(name)) return name;
  log('making the build base');
  const tools = await mkdtemp(join(folder, 'tools-'));
  try {
    await fillTools(tools, folder, log);
    await buildah.run(['bud', '--quiet', '--pull-never', '--timestamp', '0', '--isolation', 'chroot', '--build-arg', `NODE_BASE=${nodeBase}`, '--file', RECIPE, '--tag', name, tools]);
    return name;
  } finally {
    await rm(tools, { recursive: true, force: true });
  }
}
