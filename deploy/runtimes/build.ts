/**
 * Makes the runtime base images and pushes them by digest:
 * `node deploy/runtimes/build.ts --registry 127.0.0.1:5010 --out FILE [--cache FOLDER] [--force]`.
 * An image whose recipe has not changed is found in the registry by its tag, else filled from the cache folder, else built.
 */
import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { cacheFolder } from '../local/cluster/layout.ts';
import type { PinnedPackages } from './debian-packages.ts';
import { ImageStore, type Layer } from './image-store.ts';
import { fillLayer, LAYERS, recipeSourceHash, SERVER_FOLDER, type LayerRecipe } from './layers.ts';
import { RegistryClient } from './registry-client.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
/** Scratch folders of runs that were interrupted are removed after this time. */
const STALE_MS = 3_600_000;

/** Images by digest: `<registry>/fnplane/runtime-<name>@sha256:<hex>`. */
export interface RuntimeImages {
  python: string;
  node: string;
  go: string;
  /** Node alone, for the project's own Dockerfile: `fnplane/node-base`. */
  nodeBase: string;
}

export interface BuildOptions {
  /** `host:port`; plain http on loopback, https elsewhere. */
  registry: string;
  /** Packages, layers and images of earlier runs are kept in its folder `runtimes`; default {@link cacheFolder}. */
  cacheDir?: string;
  /** Build even what is known. */
  force?: boolean;
  /** `Authorization` header for the registry. */
  authorization?: string;
  /** Receives a line for each step that takes long. */
  log?(line: string): void;
}

interface ImageRecipe {
  repository: string;
  layers: LayerRecipe[];
  config: Record<string, unknown>;
}

const COMMON_ENV = ['PATH=/usr/bin', 'HOME=/tmp', 'LANG=C.UTF-8', 'SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt'];

function functionConfig(runtime: string, entrypoint: string[]): Record<string, unknown> {
  return {
    User: '65532:65532',
    WorkingDir: '/function',
    Entrypoint: entrypoint,
    Env: [...COMMON_ENV, 'PORT=8080'],
    ExposedPorts: { '8080/tcp': {} },
    StopSignal: 'SIGTERM',
    Labels: { 'dev.fnplane.runtime': runtime, 'org.opencontainers.image.title': `fnplane runtime for ${runtime}` },
  };
}

const NODE_START = ['/usr/bin/node', '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON', '--disable-warning=ExperimentalWarning', `${SERVER_FOLDER}/start.js`];

const IMAGES: Record<keyof RuntimeImages, ImageRecipe> = {
  python: {
    repository: 'fnplane/runtime-python',
    layers: [LAYERS.base, LAYERS.cLibraries, LAYERS.python, LAYERS.pythonServer],
    config: functionConfig('python', ['/usr/bin/python3.11', '-I', '-S', '-B', `${SERVER_FOLDER}/start.py`]),
  },
  node: {
    repository: 'fnplane/runtime-node',
    layers: [LAYERS.base, LAYERS.cLibraries, LAYERS.node, LAYERS.nodeServer],
    config: functionConfig('node', NODE_START),
  },
  go: { repository: 'fnplane/runtime-go', layers: [LAYERS.base, LAYERS.goPool], config: functionConfig('go', ['/function/handler']) },
  nodeBase: {
    repository: 'fnplane/node-base',
    layers: [LAYERS.base, LAYERS.cLibraries, LAYERS.node],
    config: { User: '65532:65532', WorkingDir: '/', Entrypoint: ['/usr/bin/node'], Env: COMMON_ENV, StopSignal: 'SIGTERM', Labels: { 'org.opencontainers.image.title': 'Node.js for fnplane' } },
  },
};

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** One run: recipes' hashes and layers are worked out once. */
class Build {
  readonly #store: ImageStore;
  readonly #options: BuildOptions;
  readonly #pins: PinnedPackages;
  readonly #cacheDir: string;
  readonly #source = recipeSourceHash();
  readonly #hashes = new Map<LayerRecipe, Promise<string>>();
  readonly #layers = new Map<LayerRecipe, Promise<Layer>>();
  readonly #folders = new Map<LayerRecipe, Promise<string>>();

  constructor(options: BuildOptions, cacheDir: string, pins: PinnedPackages) {
    this.#options = options;
    this.#cacheDir = cacheDir;
    this.#pins = pins;
    this.#store = new ImageStore(join(cacheDir, 'images'));
  }

  #log(line: string): void {
    this.#options.log?.(line);
  }

  #layerHash(recipe: LayerRecipe): Promise<string> {
    const known = this.#hashes.get(recipe);
    if (known) return known;
    const made = (async () => {
      const packages = recipe.packages.map((name) => [name, this.#pins[name]]);
      const needs = await Promise.all(recipe.needs.map((one) => this.#layerHash(one)));
      return hash(JSON.stringify(['layer', await this.#source, recipe.name, packages, needs, await recipe.inputs?.()]));
    })();
    this.#hashes.set(recipe, made);
    return made;
  }

  async imageHash(image: ImageRecipe): Promise<string> {
    const layers = await Promise.all(image.layers.map((one) => this.#layerHash(one)));
    return hash(JSON.stringify(['image', 1, layers, image.config]));
  }

  /** The layer's files in a scratch folder: left there by building it, or unpacked from its blob. */
  async #folder(recipe: LayerRecipe): Promise<string> {
    const layer = await this.#layer(recipe);
    const known = this.#folders.get(recipe) ?? this.#unpack(layer);
    this.#folders.set(recipe, known);
    return known;
  }

  async #unpack(layer: Layer): Promise<string> {
    const folder = await mkdtemp(join(this.#cacheDir, 'unpacked-'));
    await promisify(execFile)('tar', ['-x', '-z', '-C', folder, '-f', this.#store.blobFile(layer.digest)]);
    return folder;
  }

  #layer(recipe: LayerRecipe): Promise<Layer> {
    const known = this.#layers.get(recipe);
    if (known) return known;
    const made = this.#findOrBuildLayer(recipe);
    this.#layers.set(recipe, made);
    return made;
  }

  async #findOrBuildLayer(recipe: LayerRecipe): Promise<Layer> {
    const recipeHash = await this.#layerHash(recipe);
    const found = this.#options.force ? null : await this.#store.findLayer(recipeHash);
    if (found) return found;
    this.#log(`building the layer ${recipe.name}`);
    const needed: string[] = [];
    for (const one of recipe.needs) needed.push(await this.#folder(one));
    const root = await mkdtemp(join(this.#cacheDir, 'layer-'));
    this.#folders.set(recipe, Promise.resolve(root));
    await fillLayer(recipe, root, needed, { debFolder: join(this.#cacheDir, 'debs'), pins: this.#pins, log: (line) => this.#log(line) });
    const layer = await this.#store.addLayer(recipeHash, root);
    this.#log(`built the layer ${recipe.name}: ${(layer.size / 1e6).toFixed(1)} MB`);
    return layer;
  }

  /** Makes sure the registry has the image; gives its digest. */
  async provide(image: ImageRecipe, registry: RegistryClient, mounts: Map<string, string>): Promise<string> {
    const tag = await this.imageHash(image);
    const present = this.#options.force ? null : await registry.findTag(image.repository, tag);
    if (present !== null) return present;
    const name = `${image.repository}:${tag}`;
    let made = this.#options.force ? null : await this.#store.findImage(name);
    if (made === null) {
      const layers: Layer[] = [];
      for (const recipe of image.layers) layers.push(await this.#layer(recipe));
      made = await this.#store.addImage(name, layers, image.config);
    }
    await registry.pushImage(image.repository, tag, made, this.#store, mounts);
    const size = made.manifest.layers.reduce((sum, layer) => sum + layer.size, 0);
    this.#log(`pushed ${image.repository}: ${(size / 1e6).toFixed(1)} MB in ${made.manifest.layers.length} layers`);
    return made.descriptor.digest;
  }

  /** Removes scratch folders. */
  async clean(): Promise<void> {
    for (const folder of this.#folders.values()) await rm(await folder.catch(() => join(this.#cacheDir, 'none')), { recursive: true, force: true });
  }
}

async function removeStale(cacheDir: string): Promise<void> {
  for (const name of await readdir(cacheDir)) {
    if (!/^(layer|unpacked)-/.test(name)) continue;
    const found = await stat(join(cacheDir, name)).catch(() => null);
    if (found && Date.now() - found.mtimeMs > STALE_MS) await rm(join(cacheDir, name), { recursive: true, force: true });
  }
}

/**
 * Makes sure `registry` has the four images of this recipe and names them by digest. Building from nothing takes about a minute and needs apt's archives;
 * filling a fresh registry from the cache takes a second or two and nothing else.
 */
export async function buildRuntimes(options: BuildOptions): Promise<RuntimeImages> {
  const cacheDir = join(resolve(options.cacheDir ?? cacheFolder()), 'runtimes');
  await mkdir(cacheDir, { recursive: true });
  await removeStale(cacheDir);
  const pins = JSON.parse(await readFile(join(HERE, 'packages.json'), 'utf8')) as PinnedPackages;
  const build = new Build(options, cacheDir, pins);
  const registry = new RegistryClient(options.registry, options.authorization);
  const host = options.registry.replace(/^https?:\/\//, '').replace(/\/$/, '');
  const mounts = new Map<string, string>();
  const images: Partial<RuntimeImages> = {};
  try {
    for (const [name, image] of Object.entries(IMAGES) as [keyof RuntimeImages, ImageRecipe][]) {
      images[name] = `${host}/${image.repository}@${await build.provide(image, registry, mounts)}`;
    }
  } finally {
    await build.clean();
  }
  return images as RuntimeImages;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { registry: { type: 'string' }, out: { type: 'string' }, cache: { type: 'string' }, force: { type: 'boolean', default: false } },
  });
  if (!values.registry) throw new Error('usage: node deploy/runtimes/build.ts --registry HOST:PORT [--out FILE] [--cache FOLDER] [--force]');
  const images = await buildRuntimes({
    registry: values.registry,
    force: values.force,
    log: (line) => process.stderr.write(`${line}\n`),
    ...(values.cache ? { cacheDir: values.cache } : {}),
  });
  const text = JSON.stringify(images, null, 2) + '\n';
  if (values.out) await writeFile(values.out, text);
  process.stdout.write(text);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main().catch((error: unknown) => {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  });
}
