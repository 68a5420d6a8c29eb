import { join } from 'node:path';
import { appendLayer } from './append-layer.js';
import { BaseImages, type BaseImage } from './base-images.js';
import { buildGo } from './build-go.js';
import { buildNode, findNpm } from './build-node.js';
import { buildPython } from './build-python.js';
import { BuildSlots } from './build-slots.js';
import { BuildWorkspace } from './build-workspace.js';
import { GoCache } from './go-cache.js';
import { GoToolchain } from './go-toolchain.js';
import { goWarmSource } from './go-warm-source.js';
import { demandHandlerFile } from './handler-file.policy.js';
import type { ImageManifest } from './image-documents.js';
import { formatImageReference } from './image-reference.js';
import type { RegistryClient } from './registry-client.js';
import {
  BUILD_LIMITS, type BuildLimits, type BuildRequest, type BuiltImage, type PreparedSource, type SourceRuntime,
} from './source-build.js';
import { sourceDigest } from './source-digest.js';
import { hostToolEnvironment, type ToolEnvironment } from './tool-environment.js';

/** Goes into every tag: raise it when the same source shall give another image. */
const RECIPE = '1';
/** Folder of the image that holds the function. */
const CODE_FOLDER = 'function';
/** The standard library on a machine that is busy with other things. */
const WARM_WITHIN_MS = 900_000;

export interface SourceBuilderOptions {
  registry: RegistryClient;
  /** Base image of each runtime, in that registry. */
  runtimeImages: Readonly<Record<SourceRuntime, string>>;
  /** Folder for workspaces and Go's caches; of this process alone. */
  cacheDir: string;
  /** GOROOT; default that of the environment, else `/usr/local/go`. */
  goRoot?: string;
  /** GOPROXY; default that of the environment, else Go's own. `direct` in it is left out. */
  goProxy?: string;
  /** GOSUMDB; likewise. */
  goSumDb?: string;
  /** Folder of the module `fnplane.dev/fn`. */
  goSdkDir: string;
  npmRegistry?: string;
  pypiIndex?: string;
  /** Interpreter with pip, of the runtime image's version. */
  python?: string;
  /** Proxies and certificates of the package tools; default those of the present process. */
  toolEnvironment?: ToolEnvironment;
  limits?: Partial<BuildLimits>;
}

/** Turns source into images: dependencies installed, Go compiled, in sandboxes; then one layer upon the runtime's base. */
export class SourceBuilder {
  private readonly limits: BuildLimits;
  private readonly bases: BaseImages;
  private readonly slots: BuildSlots;
  private readonly goCache: GoCache;
  private readonly toolchain: GoToolchain;
  private readonly environment: ToolEnvironment;
  private warming: Promise<string> | undefined;

  constructor(private readonly options: SourceBuilderOptions) {
    this.limits = { ...BUILD_LIMITS, ...options.limits };
    this.environment = options.toolEnvironment ?? hostToolEnvironment();
    this.bases = new BaseImages(options.registry);
    this.slots = new BuildSlots(this.limits.concurrent);
    this.goCache = new GoCache(join(options.cacheDir, 'go'), this.limits);
    this.toolchain = new GoToolchain({
      root: options.goRoot ?? process.env.GOROOT ?? '/usr/local/go',
      proxy: options.goProxy ?? process.env.GOPROXY ?? 'https://proxy.golang.org',
      sumDb: options.goSumDb ?? process.env.GOSUMDB ?? 'sum.golang.org',
      sdk: options.goSdkDir, environment: this.environment, limits: this.limits,
    });
  }

  /**
   * Compiles Go's standard library and the SDK once, so that no function has to; what earlier runs left is removed.
   * Called at start or with the first Go build, whichever is first. Takes the better part of a minute on two cores the
   * first time, nothing after.
   */
  async warm(signal?: AbortSignal): Promise<void> {
    await BuildWorkspace.removeStale(this.workRoot);
    await this.warmGo(signal);
  }

  /**
   * Builds an image and pushes it. The same source upon the same base is found again by a tag and not rebuilt.
   * @throws {BuildError} what the function's author can change, or a passing trouble of registries and tools
   * @throws {ImageError} of the image registry
   * @throws {DomainError} SANDBOX_UNAVAILABLE
   */
  async build(request: BuildRequest): Promise<BuiltImage> {
    demandHandlerFile(request.runtime, request.handler, request.files);
    const base = await this.bases.resolve(this.options.runtimeImages[request.runtime], undefined, request.signal);
    const tag = `src-${sourceDigest(request.files, RECIPE, request.runtime, base.digest, request.handler, await this.toolsKey(request.runtime))}`;
    const present = await this.find(request, tag);
    if (present) return present;
    const queued = performance.now();
    return this.slots.run(request.tenantId, () => this.make(request, base, tag, Math.round(performance.now() - queued)), request.signal);
  }

  /** Throws away what is kept on disk for a tenant; its images are the registry's. */
  async forgetTenant(tenantId: string): Promise<void> {
    await this.goCache.forget(tenantId);
  }

  private async make(request: BuildRequest, base: BaseImage, tag: string, waitMs: number): Promise<BuiltImage> {
    const prepared = await BuildWorkspace.use(this.workRoot, (workspace) => this.prepare(request, workspace));
    const pushing = performance.now();
    const image = await appendLayer(this.options.registry, {
      base, repository: request.repository, files: prepared.files, folder: CODE_FOLDER, tag, signal: request.signal,
      changes: { labels: { 'dev.fnplane.runtime': request.runtime } },
    });
    const { dependenciesMs, compileMs } = prepared;
    return { ...image, cached: false, timings: { waitMs, dependenciesMs, compileMs, pushMs: Math.round(performance.now() - pushing) } };
  }

  private async prepare(request: BuildRequest, workspace: BuildWorkspace): Promise<PreparedSource> {
    const { environment, limits, options } = this;
    switch (request.runtime) {
      case 'python':
        return buildPython(request, workspace, { python: options.python ?? '/usr/bin/python3', index: options.pypiIndex, environment, limits });
      case 'node': {
        const registry = options.npmRegistry ?? process.env.npm_config_registry ?? 'https://registry.npmjs.org/';
        return buildNode(request, workspace, { node: process.execPath, npm: findNpm(), registry, environment, limits });
      }
      case 'go': {
        const key = await this.warmGo(request.signal);
        return this.goCache.use(request.tenantId, key, (caches) => buildGo(request, workspace, this.toolchain, caches));
      }
    }
  }

  /** What a compiled image depends on beside source and base. */
  private async toolsKey(runtime: SourceRuntime): Promise<string> {
    return runtime === 'go' ? GoCache.key(this.toolchain.options.root, this.toolchain.options.sdk) : '';
  }

  private async find(request: BuildRequest, tag: string): Promise<BuiltImage | null> {
    const found = await this.options.registry.getManifest(request.repository, tag, request.signal);
    if (found === null) return null;
    const manifest = JSON.parse(found.bytes.toString('utf8')) as ImageManifest;
    return {
      reference: formatImageReference({ registry: this.options.registry.pullHost, repository: request.repository, digest: found.digest }),
      digest: found.digest,
      sizeBytes: manifest.layers.reduce((sum, layer) => sum + layer.size, manifest.config.size),
      layerDigest: manifest.layers.at(-1)!.digest,
      cached: true,
      timings: { waitMs: 0, dependenciesMs: 0, compileMs: 0, pushMs: 0 },
    };
  }

  private get workRoot(): string {
    return join(this.options.cacheDir, 'work');
  }

  /** One warming at a time, which all wait for; a failed one is forgotten, so that the next build tries again. */
  private async warmGo(signal?: AbortSignal): Promise<string> {
    this.warming ??= this.fillWarmCache().catch((error: unknown) => {
      this.warming = undefined;
      throw error;
    });
    const key = await this.warming;
    signal?.throwIfAborted();
    return key;
  }

  private async fillWarmCache(): Promise<string> {
    const { options } = this.toolchain;
    await this.toolchain.demandPresent();
    const key = await GoCache.key(options.root, options.sdk);
    const patient = new GoToolchain({ ...options, limits: { ...options.limits, compileTimeoutMs: WARM_WITHIN_MS } });
    await this.goCache.makeWarm(key, (cache, modules) =>
      BuildWorkspace.use(this.workRoot, async (workspace) => void (await buildGo({ files: goWarmSource() }, workspace, patient, { cache, modules }))));
    return key;
  }
}
