import { resolve } from 'node:path';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { SourceFile } from '../../platform/archives/source-file.js';
import { required, type Config } from '../../platform/config/config.js';
import { demandImageAllowed, tenantRepositoryPrefix } from '../../platform/images/image-access.policy.js';
import { parseImageReference } from '../../platform/images/image-reference.js';
import { RegistryClient } from '../../platform/images/registry-client.js';
import { RegistryDirectory } from '../../platform/images/registry-directory.js';
import { parseRegistryCredentials } from '../../platform/images/registry-options.js';
import type { SourceRuntime } from '../../platform/images/source-build.js';
import { SourceBuilder } from '../../platform/images/source-builder.js';
import { CONFIG } from '../../platform/tokens.js';
import { imageAccess } from './deployment-checks.js';

export interface SourceOfFunction {
  tenantId: string;
  functionName: string;
  runtime: SourceRuntime;
  files: readonly SourceFile[];
  handler: string;
}

interface Parts {
  registry: RegistryClient;
  directory: RegistryDirectory;
  builder: SourceBuilder;
}

/** Makes, looks up and removes the images functions run. Opens nothing before it is asked: only workers build. */
@Injectable()
export class FunctionImages implements OnModuleDestroy {
  private opened: Parts | undefined;

  constructor(@Inject(CONFIG) private readonly config: Config) {}

  /** Prepares what the first Go build would wait for. */
  warm(signal?: AbortSignal): Promise<void> {
    return this.parts().builder.warm(signal);
  }

  /** @returns the image by digest. @throws {BuildError | ImageError} */
  async build(source: SourceOfFunction, signal?: AbortSignal): Promise<string> {
    const { tenantId, functionName, ...rest } = source;
    const image = await this.parts().builder.build({ ...rest, tenantId, repository: repositoryOf(tenantId, functionName), signal });
    return image.reference;
  }

  /** What a reference names now, by digest. @throws {ImageError} IMAGE_NOT_ALLOWED, IMAGE_NOT_FOUND, REGISTRY_UNAVAILABLE, REGISTRY_REFUSED. */
  async pin(tenantId: string, image: string, signal?: AbortSignal): Promise<string> {
    const reference = parseImageReference(image);
    demandImageAllowed(reference, imageAccess(this.config, tenantId));
    return this.parts().directory.resolveDigest(reference, signal);
  }

  /** Takes the function's images out of the registry, but for those in `keep`. @throws {ImageError} where the registry does not delete. */
  async removeAll(tenantId: string, functionName: string, keep: readonly string[], signal?: AbortSignal): Promise<void> {
    const { registry } = this.parts();
    const repository = repositoryOf(tenantId, functionName);
    const kept = new Set(keep.map((image) => parseImageReference(image).digest));
    const tags: string[] = [];
    for await (const tag of registry.tags(repository, signal)) tags.push(tag);
    for (const tag of tags) {
      const head = await registry.headManifest(repository, tag, signal);
      if (head && !kept.has(head.digest)) await registry.deleteManifest(repository, head.digest, signal);
    }
  }

  /** Throws away what this process keeps on disk for a tenant. */
  async forgetTenant(tenantId: string): Promise<void> {
    await this.opened?.builder.forgetTenant(tenantId);
  }

  async onModuleDestroy(): Promise<void> {
    await this.opened?.directory.close();
    await this.opened?.registry.close();
  }

  private parts(): Parts {
    return (this.opened ??= this.open());
  }

  private open(): Parts {
    const { config } = this;
    const credentials = config.FNPLANE_REGISTRY_CREDENTIALS === undefined ? {} : { credentials: parseRegistryCredentials(config.FNPLANE_REGISTRY_CREDENTIALS) };
    const registry = new RegistryClient({ url: required(config, 'FNPLANE_REGISTRY_URL'), ...credentials });
    const builder = new SourceBuilder({
      registry, runtimeImages: required(config, 'FNPLANE_RUNTIME_IMAGES'), cacheDir: resolve(config.FNPLANE_BUILD_CACHE),
      goRoot: config.FNPLANE_GO_ROOT, goProxy: config.FNPLANE_GO_PROXY, goSdkDir: resolve(config.FNPLANE_GO_SDK ?? 'deploy/runtimes/go'),
    });
    return { registry, builder, directory: new RegistryDirectory(registry) };
  }
}

/** Where a function's images lie in the platform's registry. */
export function repositoryOf(tenantId: string, functionName: string): string {
  return `${tenantRepositoryPrefix(tenantId)}${functionName}`;
}
