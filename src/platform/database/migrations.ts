import { CreateTenancy1795478400001 } from '../../../migrations/1795478400001-create-tenancy.js';
import { CreateAccess1795478400002 } from '../../../migrations/1795478400002-create-access.js';
import { CreateFunctions1795478400003 } from '../../../migrations/1795478400003-create-functions.js';
import { CreateInvitations1795564800010 } from '../../../migrations/1795564800010-create-invitations.js';
import { NarrowAndRotateApiKeys1795564800020 } from '../../../migrations/1795564800020-narrow-and-rotate-api-keys.js';
import { RecordRefusals1795564800030 } from '../../../migrations/1795564800030-record-refusals.js';
import { CreateRateBuckets1795564800040 } from '../../../migrations/1795564800040-create-rate-buckets.js';
import { AddEncryptionKeys1795564800050 } from '../../../migrations/1795564800050-add-encryption-keys.js';
import { ExtendSecretVersions1795564800060 } from '../../../migrations/1795564800060-extend-secret-versions.js';
import { ExtendQuotas1795564800070 } from '../../../migrations/1795564800070-extend-quotas.js';
import { ExtendFunctions1795651200010 } from '../../../migrations/1795651200010-extend-functions.js';
import { ExtendClusters1795651200020 } from '../../../migrations/1795651200020-extend-clusters.js';
import { CreatePools1795651200030 } from '../../../migrations/1795651200030-create-pools.js';

/** Every migration, oldest first: named one by one, so that a build or a bundler cannot lose one. */
export const MIGRATIONS = [
  CreateTenancy1795478400001,
  CreateAccess1795478400002,
  CreateFunctions1795478400003,
  CreateInvitations1795564800010,
  NarrowAndRotateApiKeys1795564800020,
  RecordRefusals1795564800030,
  CreateRateBuckets1795564800040,
  AddEncryptionKeys1795564800050,
  ExtendSecretVersions1795564800060,
  ExtendQuotas1795564800070,
  ExtendFunctions1795651200010,
  ExtendClusters1795651200020,
  CreatePools1795651200030,
];
