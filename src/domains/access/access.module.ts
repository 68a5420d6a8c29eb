import { Module } from '@nestjs/common';
import { AccessDirectory } from '../../platform/auth/authorization.js';
import { AuditModule } from '../audit/audit.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { AccessCache } from './access-cache.js';
import { AccessService } from './access.service.js';
import { ApiKeysController } from './api/api-keys.controller.js';
import { ApiKeysResolver } from './api/api-keys.resolver.js';
import { InvitationsController } from './api/invitations.controller.js';
import { InvitationsResolver } from './api/invitations.resolver.js';
import { MembersController } from './api/members.controller.js';
import { MembersResolver } from './api/members.resolver.js';
import { ReceivedInvitationsController } from './api/received-invitations.controller.js';
import { ReceivedInvitationsResolver } from './api/received-invitations.resolver.js';
import { TenantAccessResolver } from './api/tenant-access.resolver.js';
import { ViewerController } from './api/viewer.controller.js';
import { ViewerResolver } from './api/viewer.resolver.js';
import { ApiKeysService } from './api-keys.service.js';
import { DepartureParticipant } from './departure.participant.js';
import { FounderParticipant } from './founder.participant.js';
import { InvitationsService } from './invitations.service.js';
import { KeyUseRecorder } from './key-use-recorder.js';
import { MembersService } from './members.service.js';
import { AccessLookupRepository } from './store/access-lookup.repository.js';
import { ApiKeysRepository } from './store/api-keys.repository.js';
import { InvitationsRepository } from './store/invitations.repository.js';
import { MembersRepository } from './store/members.repository.js';
import { StoredAccessDirectory } from './stored-access-directory.js';

@Module({
  imports: [AuditModule, TenantsModule],
  controllers: [MembersController, ApiKeysController, ViewerController, InvitationsController, ReceivedInvitationsController],
  providers: [
    AccessService, MembersService, ApiKeysService, MembersRepository, ApiKeysRepository, AccessLookupRepository, AccessCache, KeyUseRecorder, FounderParticipant, DepartureParticipant,
    { provide: AccessDirectory, useClass: StoredAccessDirectory },
    MembersResolver, ApiKeysResolver, TenantAccessResolver, ViewerResolver,
    InvitationsService, InvitationsRepository, InvitationsResolver, ReceivedInvitationsResolver,
  ],
  exports: [AccessService, AccessDirectory],
})
export class AccessModule {}
