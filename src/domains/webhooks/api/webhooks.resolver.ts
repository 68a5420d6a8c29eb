import { Args, ID, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireParent, RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { connectionOf, toConnection, type Connection } from '../../../platform/graphql/connection.js';
import { encodeGlobalId } from '../../../platform/graphql/global-id.js';
import { GraphqlMutations } from '../../../platform/graphql/graphql-mutations.js';
import { NodeOf } from '../../../platform/graphql/node.js';
import { underPointer } from '../../../platform/graphql/under-pointer.js';
import { NamedTenantConnectionArgs } from '../../tenants/api/tenant.model.js';
import { WebhookDeliveriesService } from '../webhook-deliveries.service.js';
import { WebhooksService } from '../webhooks.service.js';
import { toDeliveryConnection, toTestWebhookPayload, toWebhookBody, toWebhookModel, toWebhookPatch, toWebhookPayload, toWebhookSecretPayload } from './webhook.mapper.js';
import {
  CreateWebhookInput, PatchWebhookInput, ReplayWebhookInput, RotateWebhookSecretInput, TestWebhookPayload, WebhookDeliveriesArgs, WebhookDeliveryConnection, WebhookModel, WebhookPayload, WebhookReferenceInput, WebhookSecretPayload,
  type WebhookDeliveryModel,
} from './webhook.model.js';

export const WebhookConnection = connectionOf(WebhookModel, 'Webhook');

@Resolver(() => WebhookModel)
export class WebhooksResolver {
  constructor(
    private readonly webhooks: WebhooksService,
    private readonly deliveries: WebhookDeliveriesService,
    private readonly mutations: GraphqlMutations,
  ) {}

  @Query(() => WebhookModel, { description: 'One webhook, by name or UUID.' })
  @RequireTenant('webhooks:read')
  async webhook(@Tenant() context: TenantContext, @Args('tenant') _tenant: string, @Args('webhook') webhook: string): Promise<WebhookModel> {
    return toWebhookModel(await this.webhooks.get(context, webhook));
  }

  @Query(() => WebhookConnection, { name: 'webhooks' })
  @RequireTenant('webhooks:read')
  async list(@Tenant() context: TenantContext, @Args() args: NamedTenantConnectionArgs): Promise<Connection<WebhookModel>> {
    return toConnection(await this.webhooks.list(context, args.toPage(), args.name ?? undefined), args, toWebhookModel);
  }

  @Query(() => WebhookDeliveryConnection, { name: 'webhookDeliveries', description: 'The last tries, newest first.' })
  @RequireTenant('webhooks:read')
  async listDeliveries(@Tenant() context: TenantContext, @Args() args: WebhookDeliveriesArgs): Promise<Connection<WebhookDeliveryModel>> {
    return toDeliveryConnection(await this.deliveries.list(context, args.webhook, args.toPage()), args);
  }

  @Mutation(() => WebhookSecretPayload, { description: 'Requests are signed with the secret that is shown in this answer alone.' })
  @RequireTenant('webhooks:manage')
  @Audited('webhook.create')
  createWebhook(@Tenant() context: TenantContext, @Args('input') input: CreateWebhookInput): Promise<WebhookSecretPayload> {
    return this.mutations.run(context, 'createWebhook', input, () => underPointer('/webhook', async () => toWebhookSecretPayload(await this.webhooks.create(context, toWebhookBody(input.webhook)))));
  }

  @Mutation(() => WebhookPayload, { description: 'Changes single fields: null removes, what is absent stays.' })
  @RequireTenant('webhooks:manage')
  @Audited('webhook.update')
  patchWebhook(@Tenant() context: TenantContext, @Args('input') input: PatchWebhookInput): Promise<WebhookPayload> {
    return this.mutations.run(context, 'patchWebhook', input, () => underPointer('/change', async () =>
      toWebhookPayload(await this.webhooks.patch(context, input.webhook, toWebhookPatch(input.change), input.ifMatch))));
  }

  @Mutation(() => WebhookPayload, { description: 'Deletes the webhook; answers it as it was.' })
  @RequireTenant('webhooks:manage')
  @Audited('webhook.delete')
  deleteWebhook(@Tenant() context: TenantContext, @Args('input') input: WebhookReferenceInput): Promise<WebhookPayload> {
    return this.mutations.run(context, 'deleteWebhook', input, async () => toWebhookPayload(await this.webhooks.delete(context, input.webhook, input.ifMatch)));
  }

  @Mutation(() => TestWebhookPayload, { description: 'Sends an event for nothing but to see it arrive.' })
  @RequireTenant('webhooks:manage')
  @Audited('webhook.test')
  testWebhook(@Tenant() context: TenantContext, @Args('input') input: WebhookReferenceInput): Promise<TestWebhookPayload> {
    return this.mutations.run(context, 'testWebhook', input, async () => toTestWebhookPayload(await this.webhooks.test(context, input.webhook, input.ifMatch)));
  }

  @Mutation(() => WebhookPayload, { description: 'Sends again from an event or a time on, also what was delivered.' })
  @RequireTenant('webhooks:manage')
  @Audited('webhook.replay')
  replayWebhook(@Tenant() context: TenantContext, @Args('input') input: ReplayWebhookInput): Promise<WebhookPayload> {
    return this.mutations.run(context, 'replayWebhook', input, () => underPointer('/from', async () => toWebhookPayload(await this.webhooks.replay(context, input.webhook, input.from, input.ifMatch))));
  }

  @Mutation(() => WebhookSecretPayload, { description: 'Makes a new secret; the one before signs too until the overlap ends.' })
  @RequireTenant('webhooks:manage')
  @Audited('webhook.rotate-secret')
  rotateWebhookSecret(@Tenant() context: TenantContext, @Args('input') input: RotateWebhookSecretInput): Promise<WebhookSecretPayload> {
    return this.mutations.run(context, 'rotateWebhookSecret', input, async () => toWebhookSecretPayload(await this.webhooks.rotateSecret(context, input.webhook, input.overlapSeconds ?? undefined, input.ifMatch)));
  }

  @NodeOf('Webhook', 'webhooks:read')
  async byNodeId(context: TenantContext, id: string): Promise<WebhookModel> {
    return toWebhookModel(await this.webhooks.get(context, id));
  }

  @ResolveField(() => ID, { name: 'id' })
  @RequireParent('webhooks:read')
  nodeId(@Parent() webhook: WebhookModel): string {
    return encodeGlobalId('Webhook', webhook.tenantId, webhook.id);
  }

  @ResolveField(() => String, { description: 'The UUID REST knows it by.' })
  @RequireParent('webhooks:read')
  uuid(@Parent() webhook: WebhookModel): string {
    return webhook.id;
  }
}
