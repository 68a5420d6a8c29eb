import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeSandboxFolder, runSandboxed } from '../sandbox/sandbox.js';
import { BuildError } from './build-errors.js';
import type { BuildLimits } from './source-build.js';

/** Folders a tenant's builds read and write; no other tenant's do. */
export interface TenantGoCache {
  cache: string;
  modules: string;
}

const COPY_TIMEOUT_MS = 60_000;
const MIB = 1024 * 1024;

/**
 * Go's caches on disk. A tenant's is its own, since what one writes another would link; it starts as a copy of the warm
 * one, which has the compiled standard library and SDK and is written by the platform alone.
 */
export class GoCache {
  private readonly inUse = new Map<string, number>();

  constructor(
    private readonly root: string,
    private readonly limits: BuildLimits,
  ) {}

  /** Name of everything the warm cache depends on: toolchain and SDK. */
  static async key(goRoot: string, sdk: string): Promise<string> {
    const hash = createHash('sha256').update(await readFile(join(goRoot, 'VERSION')).catch(() => Buffer.from(goRoot)));
    for (const name of (await readdir(sdk)).filter((file) => /\.(go|mod|sum)$/.test(file)).sort()) hash.update(name).update(await readFile(join(sdk, name)));
    return hash.digest('hex').slice(0, 16);
  }

  warmFolder(key: string): string {
    return join(this.root, 'warm', key);
  }

  async isWarm(key: string): Promise<boolean> {
    return (await stat(this.warmFolder(key)).catch(() => undefined)) !== undefined;
  }

  /** Makes the warm cache with `fill`, and puts it in place only when it is whole. */
  async makeWarm(key: string, fill: (cache: string, modules: string) => Promise<void>): Promise<void> {
    if (await this.isWarm(key)) return;
    const making = join(this.root, 'making', randomUUID());
    const modules = join(this.root, 'making', randomUUID());
    try {
      await makeSandboxFolder(making);
      await makeSandboxFolder(modules);
      await fill(making, modules);
      await moveInto(making, this.warmFolder(key));
    } finally {
      await rm(making, { recursive: true, force: true });
      await rm(modules, { recursive: true, force: true });
    }
  }

  /** Runs `work` with the tenant's caches, made from the warm one on first use. */
  async use<T>(tenantId: string, key: string, work: (caches: TenantGoCache) => Promise<T>): Promise<T> {
    if (!/^[A-Za-z0-9-]{1,64}$/.test(tenantId)) throw new Error('the tenant id is not fit for a folder name');
    this.inUse.set(tenantId, (this.inUse.get(tenantId) ?? 0) + 1);
    try {
      const caches = await this.provide(tenantId, key);
      return await work(caches);
    } finally {
      const left = this.inUse.get(tenantId)! - 1;
      if (left > 0) this.inUse.set(tenantId, left);
      else {
        this.inUse.delete(tenantId);
        await this.prune(tenantId);
      }
    }
  }

  /** Throws away what a tenant has on disk, e.g. when it is deleted. */
  async forget(tenantId: string): Promise<void> {
    if (!this.inUse.has(tenantId)) await rm(this.tenantFolder(tenantId), { recursive: true, force: true });
  }

  private tenantFolder(tenantId: string): string {
    return join(this.root, 'tenants', tenantId);
  }

  private async provide(tenantId: string, key: string): Promise<TenantGoCache> {
    const folder = this.tenantFolder(tenantId);
    const caches = { cache: join(folder, `cache-${key}`), modules: join(folder, 'modules') };
    await makeSandboxFolder(caches.modules);
    if (!(await stat(caches.cache).catch(() => undefined))) await this.copyWarm(key, caches.cache);
    await utimes(folder, new Date(), new Date());
    for (const name of await readdir(folder)) {
      if (name.startsWith('cache-') && name !== `cache-${key}`) await rm(join(folder, name), { recursive: true, force: true });
    }
    return caches;
  }

  /** Copied by the sandbox's user, to whom the copy shall belong. */
  private async copyWarm(key: string, target: string): Promise<void> {
    const making = join(this.root, 'making', randomUUID());
    await makeSandboxFolder(making);
    try {
      const result = await runSandboxed({
        command: '/usr/bin/cp', args: ['-r', '--reflink=auto', '/warm/.', '/copy'], readOnly: [{ from: this.warmFolder(key), to: '/warm' }],
        writable: [{ from: making, to: '/copy' }], network: false, timeoutMs: COPY_TIMEOUT_MS, memoryMb: 256,
      });
      if (result.exitCode !== 0) throw new BuildError('BUILD_TOOL_MISSING', 'The build cache could not be copied: is the disk full?', result.stderr);
      await moveInto(making, target);
    } finally {
      await rm(making, { recursive: true, force: true });
    }
  }

  /** Keeps the disk bounded: a cache that has grown too big goes, and the one unused for longest where there are too many. */
  private async prune(tenantId: string): Promise<void> {
    const root = join(this.root, 'tenants');
    const names = await readdir(root);
    if (names.length > this.limits.tenantCaches) {
      const used = await Promise.all(names.map(async (name) => ({ name, at: (await stat(join(root, name)).catch(() => undefined))?.mtimeMs ?? 0 })));
      for (const { name } of used.sort((a, b) => a.at - b.at).slice(0, names.length - this.limits.tenantCaches)) await this.forget(name);
    }
    if ((await sizeOf(this.tenantFolder(tenantId))) > this.limits.tenantCacheMb * MIB) await this.forget(tenantId);
  }
}

/** Another process may have been first; its folder is as good. */
async function moveInto(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await rename(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  });
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  const pending = [folder];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const entry of await readdir(next, { withFileTypes: true }).catch(() => [])) {
      if (entry.isDirectory()) pending.push(join(next, entry.name));
      else bytes += (await stat(join(next, entry.name)).catch(() => undefined))?.size ?? 0;
    }
  }
  return bytes;
}
