import { createHash } from 'node:crypto';
import { chmodSync, createReadStream, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { run } from './command.ts';

/**
 * Makes a container image that holds nothing but one static executable, as an archive that `ctr images import` takes.
 * It runs as user 65532.
 * @returns the archive's path: the same executable and name give the same file
 */
export async function scratchImage(folder: string, name: string, executable: string): Promise<string> {
  const file = basename(executable);
  const key = createHash('sha256').update(`2\n${name}\n`).update(readFileSync(executable)).digest('hex').slice(0, 16);
  const archive = join(folder, `${file}-image-${key}.tar`);
  if (existsSync(archive)) return archive;
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(join(folder, '.image-'));
  try {
    const tar = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
    // Other users inside the container must be able to run it, whatever this process's umask was.
    chmodSync(executable, 0o755);
    await run('tar', [...tar, '-cf', join(work, 'layer.tar'), '-C', join(executable, '..'), file]);
    const layer = await digest(join(work, 'layer.tar'));
    const config = JSON.stringify({
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
      os: 'linux',
      config: { Entrypoint: [`/${file}`], User: '65532:65532' },
      rootfs: { type: 'layers', diff_ids: [`sha256:${layer}`] },
    });
    writeFileSync(join(work, 'config.json'), config);
    writeFileSync(join(work, 'manifest.json'), JSON.stringify([{ Config: 'config.json', RepoTags: [name], Layers: ['layer.tar'] }]));
    await run('tar', [...tar, '-cf', join(work, 'image.tar'), '-C', work, 'config.json', 'layer.tar', 'manifest.json']);
    await run('mv', [join(work, 'image.tar'), archive]);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return archive;
}

async function digest(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Fills a folder with links to the executables of several others: what takes one folder of plugins gets them all. */
export function linkExecutables(folder: string, executables: readonly string[]): void {
  mkdirSync(folder, { recursive: true });
  for (const executable of executables) {
    const link = join(folder, basename(executable));
    rmSync(link, { force: true });
    symlinkSync(executable, link);
  }
}
