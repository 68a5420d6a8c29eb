import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Audited } from '../../../platform/audit/audited.js';
import { Caller, RequirePlatform } from '../../../platform/auth/authorization.js';
import type { SystemContext } from '../../../platform/context/context.js';
import { ETAG_HEADER, IfMatch, type ExpectedEtag } from '../../../platform/rest/etag.js';
import { NamedPageQuery, pageOf, toPageBody, type PageBody } from '../../../platform/rest/paging.js';
import { ClusterAdministrationService } from '../cluster-administration.service.js';
import { ClustersService } from '../clusters.service.js';
import { toClusterModel } from './cluster.mapper.js';
import { ChangeClusterBody, ClusterModel, RegisterClusterBody } from './cluster.model.js';

const ClusterPage = pageOf(ClusterModel, 'Cluster');

@ApiTags('clusters')
@Controller('v1/clusters')
export class ClustersController {
  constructor(
    private readonly clusters: ClustersService,
    private readonly administration: ClusterAdministrationService,
  ) {}

  @Post()
  @RequirePlatform('clusters:manage')
  @Audited('cluster.create')
  @ApiCreatedResponse({ type: ClusterModel })
  async register(@Caller() caller: SystemContext, @Body() body: RegisterClusterBody, @Res({ passthrough: true }) reply: FastifyReply): Promise<ClusterModel> {
    const made = await this.administration.register(caller, body);
    void reply.header('location', `/v1/clusters/${made.name}`);
    return toClusterModel(await this.clusters.withUse(caller, made));
  }

  @Get()
  @RequirePlatform('clusters:read')
  @ApiOkResponse({ type: ClusterPage })
  async list(@Caller() caller: SystemContext, @Query() query: NamedPageQuery): Promise<PageBody<ClusterModel>> {
    return toPageBody(await this.clusters.page(caller, query.toPage(), query.name), toClusterModel);
  }

  @Get(':cluster')
  @RequirePlatform('clusters:read')
  @ApiOkResponse({ type: ClusterModel })
  async get(@Caller() caller: SystemContext, @Param('cluster') cluster: string): Promise<ClusterModel> {
    return toClusterModel(await this.clusters.withUse(caller, await this.clusters.get(caller, cluster)));
  }

  @Patch(':cluster')
  @RequirePlatform('clusters:manage')
  @Audited('cluster.update')
  @ApiOkResponse({ type: ClusterModel })
  @ETAG_HEADER
  async change(@Caller() caller: SystemContext, @Param('cluster') cluster: string, @IfMatch() expected: ExpectedEtag, @Body() body: ChangeClusterBody): Promise<ClusterModel> {
    return toClusterModel(await this.clusters.withUse(caller, await this.administration.change(caller, cluster, body, expected)));
  }

  @Delete(':cluster')
  @HttpCode(204)
  @RequirePlatform('clusters:manage')
  @Audited('cluster.delete')
  @ApiNoContentResponse()
  @ETAG_HEADER
  async delete(@Caller() caller: SystemContext, @Param('cluster') cluster: string, @IfMatch() expected: ExpectedEtag): Promise<void> {
    await this.administration.delete(caller, cluster, expected);
  }

  @Post(':cluster/cordon')
  @HttpCode(200)
  @RequirePlatform('clusters:manage')
  @Audited('cluster.cordon')
  @ApiOkResponse({ type: ClusterModel, description: 'It takes no new tenants.' })
  @ETAG_HEADER
  cordon(@Caller() caller: SystemContext, @Param('cluster') cluster: string, @IfMatch() expected: ExpectedEtag): Promise<ClusterModel> {
    return this.setState(caller, cluster, 'cordoned', expected);
  }

  @Post(':cluster/uncordon')
  @HttpCode(200)
  @RequirePlatform('clusters:manage')
  @Audited('cluster.uncordon')
  @ApiOkResponse({ type: ClusterModel, description: 'It takes tenants again.' })
  @ETAG_HEADER
  uncordon(@Caller() caller: SystemContext, @Param('cluster') cluster: string, @IfMatch() expected: ExpectedEtag): Promise<ClusterModel> {
    return this.setState(caller, cluster, 'active', expected);
  }

  @Post(':cluster/drain')
  @HttpCode(200)
  @RequirePlatform('clusters:manage')
  @Audited('cluster.drain')
  @ApiOkResponse({ type: ClusterModel, description: 'It takes no new tenants, and gives its own to others as soon as they are ready there.' })
  @ETAG_HEADER
  drain(@Caller() caller: SystemContext, @Param('cluster') cluster: string, @IfMatch() expected: ExpectedEtag): Promise<ClusterModel> {
    return this.setState(caller, cluster, 'draining', expected);
  }

  private async setState(caller: SystemContext, cluster: string, state: 'active' | 'cordoned' | 'draining', expected: ExpectedEtag): Promise<ClusterModel> {
    return toClusterModel(await this.clusters.withUse(caller, await this.administration.setState(caller, cluster, state, expected)));
  }
}
