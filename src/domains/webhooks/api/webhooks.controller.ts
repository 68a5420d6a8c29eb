import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { ETAG_HEADER, IfMatch, type ExpectedEtag } from '../../../platform/rest/etag.js';
import { NamedPageQuery, PageQuery, pageOf, toPageBody, type PageBody } from '../../../platform/rest/paging.js';
import { WebhookDeliveriesService } from '../webhook-deliveries.service.js';
import { WebhooksService } from '../webhooks.service.js';
import { toCreatedWebhookModel, toDeliveryModel, toTestedWebhookModel, toWebhookBody, toWebhookModel, toWebhookPatch } from './webhook.mapper.js';
import { CreateWebhookBody, CreatedWebhookModel, ReplayWebhookBody, RotateWebhookSecretBody, TestedWebhookModel, WebhookDeliveryModel, WebhookModel, WebhookPatchBody } from './webhook.model.js';

const WebhookPage = pageOf(WebhookModel, 'Webhook');
const WebhookDeliveryPage = pageOf(WebhookDeliveryModel, 'WebhookDelivery');

@ApiTags('webhooks')
@Controller('v1/tenants/:tenant/webhooks')
export class WebhooksController {
  constructor(
    private readonly webhooks: WebhooksService,
    private readonly deliveries: WebhookDeliveriesService,
  ) {}

  @Post()
  @RequireTenant('webhooks:manage')
  @Audited('webhook.create')
  @ApiOperation({ summary: 'Be told of what happens', description: 'Requests are signed by the Standard Webhooks scheme with the secret that is shown in this answer alone; bodies are CloudEvents.' })
  @ApiCreatedResponse({ type: CreatedWebhookModel })
  async create(@Tenant() context: TenantContext, @Body() body: CreateWebhookBody, @Res({ passthrough: true }) reply: FastifyReply): Promise<CreatedWebhookModel> {
    const created = await this.webhooks.create(context, toWebhookBody(body));
    void reply.header('location', `/v1/tenants/${context.tenantName}/webhooks/${created.webhook.name}`).header('cache-control', 'no-store');
    return toCreatedWebhookModel(created);
  }

  @Get()
  @RequireTenant('webhooks:read')
  @ApiOkResponse({ type: WebhookPage })
  async list(@Tenant() context: TenantContext, @Query() query: NamedPageQuery): Promise<PageBody<WebhookModel>> {
    return toPageBody(await this.webhooks.list(context, query.toPage(), query.name), toWebhookModel);
  }

  @Get(':webhook')
  @RequireTenant('webhooks:read')
  @ApiOkResponse({ type: WebhookModel })
  async get(@Tenant() context: TenantContext, @Param('webhook') webhook: string): Promise<WebhookModel> {
    return toWebhookModel(await this.webhooks.get(context, webhook));
  }

  @Get(':webhook/deliveries')
  @RequireTenant('webhooks:read')
  @ApiOperation({ summary: 'The last tries', description: 'Newest first, of the last 100.' })
  @ApiOkResponse({ type: WebhookDeliveryPage })
  async listDeliveries(@Tenant() context: TenantContext, @Param('webhook') webhook: string, @Query() query: PageQuery): Promise<PageBody<WebhookDeliveryModel>> {
    return toPageBody(await this.deliveries.list(context, webhook, query.toPage()), toDeliveryModel);
  }

  @Patch(':webhook')
  @RequireTenant('webhooks:manage')
  @Audited('webhook.update')
  @ApiOkResponse({ type: WebhookModel })
  @ETAG_HEADER
  async patch(@Tenant() context: TenantContext, @Param('webhook') webhook: string, @IfMatch() expected: ExpectedEtag, @Body() body: WebhookPatchBody): Promise<WebhookModel> {
    return toWebhookModel(await this.webhooks.patch(context, webhook, toWebhookPatch(body), expected));
  }

  @Delete(':webhook')
  @HttpCode(204)
  @RequireTenant('webhooks:manage')
  @Audited('webhook.delete')
  @ApiNoContentResponse()
  @ETAG_HEADER
  async delete(@Tenant() context: TenantContext, @Param('webhook') webhook: string, @IfMatch() expected: ExpectedEtag): Promise<void> {
    await this.webhooks.delete(context, webhook, expected);
  }

  @Post(':webhook/test')
  @HttpCode(202)
  @RequireTenant('webhooks:manage')
  @Audited('webhook.test')
  @ApiOperation({ summary: 'Send an event for nothing but to see it arrive', description: 'After those that wait; what waits to be tried again is tried at once. What became of it is among the deliveries.' })
  @ApiAcceptedResponse({ type: TestedWebhookModel })
  @ETAG_HEADER
  async test(@Tenant() context: TenantContext, @Param('webhook') webhook: string, @IfMatch() expected: ExpectedEtag): Promise<TestedWebhookModel> {
    return toTestedWebhookModel(await this.webhooks.test(context, webhook, expected));
  }

  @Post(':webhook/replay')
  @HttpCode(202)
  @RequireTenant('webhooks:manage')
  @Audited('webhook.replay')
  @ApiOperation({ summary: 'Send again from an event or a time on', description: 'Also what was delivered. Takes a webhook up again that the platform had given up.' })
  @ApiAcceptedResponse({ type: WebhookModel })
  @ETAG_HEADER
  async replay(@Tenant() context: TenantContext, @Param('webhook') webhook: string, @IfMatch() expected: ExpectedEtag, @Body() body: ReplayWebhookBody): Promise<WebhookModel> {
    return toWebhookModel(await this.webhooks.replay(context, webhook, body, expected));
  }

  @Post(':webhook/rotate-secret')
  @HttpCode(200)
  @RequireTenant('webhooks:manage')
  @Audited('webhook.rotate-secret')
  @ApiOkResponse({ type: CreatedWebhookModel, description: 'The same webhook with a new secret; the one before signs too until the overlap ends.' })
  @ETAG_HEADER
  async rotateSecret(@Tenant() context: TenantContext, @Param('webhook') webhook: string, @IfMatch() expected: ExpectedEtag, @Body() body: RotateWebhookSecretBody,
    @Res({ passthrough: true }) reply: FastifyReply): Promise<CreatedWebhookModel> {
    const rotated = await this.webhooks.rotateSecret(context, webhook, body.overlapSeconds, expected);
    void reply.header('cache-control', 'no-store');
    return toCreatedWebhookModel(rotated);
  }
}
