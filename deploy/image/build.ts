/**
 * Builds the control plane's image from the Dockerfile, without a public registry and without a daemon, and pushes it:
 * `node deploy/image/build.ts --registry 127.0.0.1:5010 [--out FILE] [--cache FOLDER] [--no-push]`. Needs root.
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { run } from '../local/cluster/command.ts';
import { cacheFolder, checkout } from '../local/cluster/layout.ts';
import { takeLock } from '../local/cluster/lock.ts';
import { completePath, ensurePackages } from '../local/cluster/packages.ts';
import { Progress } from '../local/cluster/progress.ts';
import { buildRuntimes } from '../runtimes/build.ts';
import { RegistryClient } from '../runtimes/registry-client.ts';
import { Buildah } from './buildah.ts';
import { provideBuildBase } from './build-base.ts';
import { importNodeBase, verifyTls } from './node-base.ts';

const REPOSITORY = 'fnplane/control-plane';
const NAME = 'localhost/fnplane/control-plane:latest';
/** Kept by name beside the image, so that pruning leaves the layers of the compiling stages for the next build. */
const BUILD_STAGE = 'localhost/fnplane/control-plane-build:latest';
const BUILD_MS = 900_000;

export interface ControlPlaneImageOptions {
  /** Node alone, by digest, in a registry: `buildRuntimes().nodeBase`. */
  nodeBase: string;
  /** `host:port` to push to; absent: the image stays in buildah's storage. */
  registry?: string;
  /** Folder with the Dockerfile; default: this checkout. */
  context?: string;
  /** Storage, layers of earlier builds and downloads are kept in its folder `control-plane-image`; default {@link cacheFolder}. */
  cacheDir?: string;
  signal?: AbortSignal;
  log?(line: string): void;
}

export interface ControlPlaneImage {
  /** In buildah's storage. */
  id: string;
  /** `<registry>/fnplane/control-plane@sha256:<hex>`, where a registry was given. */
  reference: string | undefined;
  /** Name of its runtime base in buildah's storage. */
  runtimeBase: string;
  buildah: Buildah;
}

/** The machine's way to the npm registry, for the time of the build only: arguments that leave nothing in a layer. */
async function npmAccess(scratch: string): Promise<string[]> {
  const setting = async (name: string): Promise<string> => (await run('npm', ['config', 'get', name], { cwd: scratch })).trim();
  const npmrc = join(scratch, 'npmrc');
  await writeFile(npmrc, `registry=${await setting('registry')}\n`, { mode: 0o600 });
  const args = ['--secret', `id=npmrc,src=${npmrc}`];
  const packages = await setting('cache');
  await mkdir(packages, { recursive: true });
  args.push('--volume', `${packages}:/root/.npm`);
  const certificates = [process.env['NODE_EXTRA_CA_CERTS'], process.env['SSL_CERT_FILE'], '/etc/ssl/certs/ca-certificates.crt'].find((file) => file && existsSync(file));
  if (certificates) args.push('--secret', `id=ca-certificates,src=${certificates}`, '--build-arg', 'NODE_EXTRA_CA_CERTS=/run/secrets/ca-certificates');
  return args;
}

class ImageBuild {
  readonly #options: ControlPlaneImageOptions;
  readonly #folder: string;
  readonly #buildah: Buildah;
  readonly #context: string;

  constructor(options: ControlPlaneImageOptions, folder: string) {
    this.#options = options;
    this.#folder = folder;
    this.#context = resolve(options.context ?? checkout);
    this.#buildah = new Buildah(folder);
  }

  async perform(): Promise<ControlPlaneImage> {
    const runtimeBase = await importNodeBase(this.#buildah, this.#options.nodeBase, this.#folder);
    const buildBase = await provideBuildBase({ buildah: this.#buildah, nodeBase: runtimeBase, folder: this.#folder, log: (line) => this.#options.log?.(line) });
    const scratch = await mkdtemp(join(this.#folder, 'build-'));
    try {
      const common = [...(await npmAccess(scratch)), '--build-arg', `BUILD_BASE=${buildBase}`, '--build-arg', `RUNTIME_BASE=${runtimeBase}`];
      await this.#bud(['--target', 'build', '--tag', BUILD_STAGE, ...common]);
      await this.#bud(['--tag', NAME, ...common]);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
    const id = (await this.#buildah.find(NAME))!.id;
    const reference = this.#options.registry ? await this.#push(id, this.#options.registry) : undefined;
    await this.#forgetOldImages([runtimeBase, buildBase]);
    return { id, reference, runtimeBase, buildah: this.#buildah };
  }

  async #bud(args: string[]): Promise<void> {
    const log = join(this.#folder, 'build.log');
    const fixed = ['--layers', '--force-rm', '--pull-never', '--timestamp', '0', '--isolation', 'chroot', '--network', 'host', '--logfile', log, '--file', join(this.#context, 'Dockerfile')];
    try {
      await this.#buildah.run(['bud', ...fixed, ...args, this.#context], { timeoutMs: BUILD_MS, signal: this.#options.signal });
    } catch (error) {
      const end = existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n').slice(-15).join('\n') : '';
      throw new Error(`The image could not be built: ${(error as Error).message}\n${end}\nThe whole log: ${log}`, { cause: error });
    }
  }

  /** An image already there under its id is not sent again. */
  async #push(id: string, registry: string): Promise<string> {
    const tag = id.slice(0, 32);
    const host = registry.replace(/^https?:\/\//, '').replace(/\/$/, '');
    const known = await new RegistryClient(registry).findTag(REPOSITORY, tag);
    if (known) return `${host}/${REPOSITORY}@${known}`;
    const target = `${host}/${REPOSITORY}:${tag}`;
    const digestFile = join(this.#folder, `digest-${id}`);
    await this.#buildah.run(['push', '--quiet', '--format', 'oci', verifyTls(target), '--digestfile', digestFile, id, `docker://${target}`], { timeoutMs: 300_000, signal: this.#options.signal });
    const digest = (await readFile(digestFile, 'utf8')).trim();
    await rm(digestFile);
    return `${host}/${REPOSITORY}@${digest}`;
  }

  /** What neither this image nor the next build needs: otherwise every change of the sources would stay for good. */
  async #forgetOldImages(bases: readonly string[]): Promise<void> {
    const names = (await this.#buildah.run(['images', '--format', '{{.Name}}:{{.Tag}}'])).split('\n');
    const old = names.filter((name) => /^localhost\/fnplane\/(runtime|build)-base:/.test(name) && !bases.includes(name));
    for (const name of old) await this.#buildah.run(['rmi', name]).catch(() => undefined);
    await this.#buildah.run(['rmi', '--prune']).catch(() => undefined);
  }
}

/**
 * Builds the Dockerfile on `nodeBase` and a build base made from packages. About a minute from nothing with npm's cache filled, some
 * ten seconds when the sources alone have changed or nothing has. The same inputs give the same image.
 * @throws with the last lines of the build and the name of its log
 */
export async function buildControlPlaneImage(options: ControlPlaneImageOptions): Promise<ControlPlaneImage> {
  const folder = join(resolve(options.cacheDir ?? cacheFolder()), 'control-plane-image');
  await mkdir(folder, { recursive: true });
  completePath();
  await ensurePackages(new Progress(), { buildah: 'buildah', skopeo: 'skopeo' });
  const release = await takeLock(`control-plane-image-${(await stat(folder)).ino}`, BUILD_MS, (holder) => options.log?.(`waiting for ${holder}, which builds the image`));
  try {
    return await new ImageBuild(options, folder).perform();
  } finally {
    release();
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { registry: { type: 'string' }, out: { type: 'string' }, cache: { type: 'string' }, 'no-push': { type: 'boolean', default: false } },
  });
  if (!values.registry) throw new Error('usage: node deploy/image/build.ts --registry HOST:PORT [--out FILE] [--cache FOLDER] [--no-push]');
  const progress = new Progress();
  const cacheDir = values.cache ?? cacheFolder();
  const registry = values.registry;
  const { nodeBase } = await progress.step('the runtime base', () => buildRuntimes({ registry, cacheDir }), 10_000);
  const image = await progress.step('the image', () => buildControlPlaneImage({
    nodeBase, cacheDir, log: (line) => progress.say(line), ...(values['no-push'] ? {} : { registry }),
  }), 90_000);
  const text = `${image.reference ?? image.id}\n`;
  if (values.out) await writeFile(values.out, text);
  process.stdout.write(text);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main().catch((error: unknown) => {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  });
}
