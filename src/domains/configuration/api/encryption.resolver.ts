import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Audited } from '../../../platform/audit/audited.js';
import { Caller, RequirePlatform } from '../../../platform/auth/authorization.js';
import type { SystemContext } from '../../../platform/context/context.js';
import { GraphqlMutations } from '../../../platform/graphql/graphql-mutations.js';
import { EncryptionService } from '../encryption.service.js';
import { toEncryptionModel, toEncryptionPayload } from './encryption.mapper.js';
import { EncryptionModel, EncryptionPayload, RewrapSecretsInput } from './encryption.model.js';

@Resolver(() => EncryptionModel)
export class EncryptionResolver {
  constructor(
    private readonly encryption: EncryptionService,
    private readonly mutations: GraphqlMutations,
  ) {}

  @Query(() => EncryptionModel, { name: 'encryption', description: 'What secrets are sealed with.' })
  @RequirePlatform('encryption:read')
  async get(@Caller() caller: SystemContext): Promise<EncryptionModel> {
    return toEncryptionModel(await this.encryption.status(caller));
  }

  @Mutation(() => EncryptionPayload, { description: 'Gives all sealed secrets the key that seals now, in the background.' })
  @RequirePlatform('encryption:manage')
  @Audited('encryption.rewrap')
  rewrapSecrets(@Caller() caller: SystemContext, @Args('input') input: RewrapSecretsInput): Promise<EncryptionPayload> {
    return this.mutations.run(caller, 'rewrapSecrets', input, async () => toEncryptionPayload(await this.encryption.requestRewrap(caller)));
  }
}
