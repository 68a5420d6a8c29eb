import type { OnModuleInit } from '@nestjs/common';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';
import { Args, ArgsType, Context, Field, ID, Query, Resolver } from '@nestjs/graphql';
import { ArrayMaxSize, IsArray, IsString, MaxLength } from 'class-validator';
import { AccessGuard } from '../auth/access.guard.js';
import { RequireNode, type StatefulRequest } from '../auth/authorization.js';
import { DomainError } from '../errors/domain-error.js';
import { decodeGlobalId } from './global-id.js';
import { Node, NODE_LOADER, type NodeLoaderOptions, type PlatformNodeLoader, type TenantNodeLoader } from './node.js';

const MOST_IDS = 100;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

@ArgsType()
class NodesArgs {
  @Field(() => [ID], { description: `At most ${MOST_IDS}.` })
  @IsArray() @ArrayMaxSize(MOST_IDS) @IsString({ each: true }) @MaxLength(400, { each: true })
  ids!: string[];
}

type NodeLoader = NodeLoaderOptions & { load: TenantNodeLoader & PlatformNodeLoader };

/** Finds things by their global ids, through the loaders that the domains' resolvers mark. */
@Resolver(() => Node)
export class NodeResolver implements OnModuleInit {
  private readonly loaders = new Map<string, NodeLoader>();

  constructor(
    private readonly guard: AccessGuard,
    private readonly modules: ModulesContainer,
  ) {}

  onModuleInit(): void {
    const scanner = new MetadataScanner();
    for (const { instance } of [...this.modules.values()].flatMap((module) => [...module.providers.values()])) {
      const prototype = typeof instance === 'object' && instance !== null ? (Object.getPrototypeOf(instance) as Record<string, unknown> | null) : null;
      for (const name of prototype ? scanner.getAllMethodNames(prototype) : []) {
        const options = Reflect.getMetadata(NODE_LOADER, prototype![name] as object) as NodeLoaderOptions | undefined;
        if (options) this.loaders.set(options.type, { ...options, load: (prototype![name] as NodeLoader['load']).bind(instance) });
      }
    }
  }

  @Query(() => Node, { nullable: true, description: 'What has this global id; null where there is no such thing, or none that you may see.' })
  @RequireNode()
  node(@Args('id', { type: () => ID }) id: string, @Context('req') request: StatefulRequest): Promise<object | null> {
    return this.find(request, id);
  }

  @Query(() => [Node], { nullable: 'items', description: 'What has these global ids, in their order.' })
  @RequireNode()
  async nodes(@Args() { ids }: NodesArgs, @Context('req') request: StatefulRequest): Promise<(object | null)[]> {
    const found = new Map<string, object | null>();
    for (const id of new Set(ids)) found.set(id, await this.find(request, id));
    return ids.map((id) => found.get(id) ?? null);
  }

  private async find(request: StatefulRequest, globalId: string): Promise<object | null> {
    const { type, tenantId, id } = decodeGlobalId(globalId);
    const loader = this.loaders.get(type);
    if (!loader) return null;
    try {
      if (loader.scope === 'platform') return tenantId === '' ? await loader.load(this.guard.resolvePlatform(request, loader.permission) as never, id) : null;
      if (!UUID.test(tenantId) || !UUID.test(id)) return null;
      return await loader.load((await this.guard.resolve(request, tenantId, loader.permission)) as never, id);
    } catch (error) {
      if (error instanceof DomainError && error.kind === 'not-found') return null;
      throw error;
    }
  }
}
