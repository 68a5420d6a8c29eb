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
import { AddRolloutEngine1795737600010 } from '../../../migrations/1795737600010-add-rollout-engine.js';
import { CreateTriggers1795737600100 } from '../../../migrations/1795737600100-create-triggers.js';
import { CreateCapacityRecords1795737600300 } from '../../../migrations/1795737600300-create-capacity-records.js';
import { CreatePoolStatuses1795737600301 } from '../../../migrations/1795737600301-create-pool-statuses.js';
import { PlaceFunctions1795737600400 } from '../../../migrations/1795737600400-place-functions.js';
import { CreateAsyncInvocations1795737600500 } from '../../../migrations/1795737600500-create-async-invocations.js';
import { CreateCronTriggers1795824000100 } from '../../../migrations/1795824000100-create-cron-triggers.js';
import { CreateKafkaTriggers1795824000200 } from '../../../migrations/1795824000200-create-kafka-triggers.js';
import { CreateLogs1795824000300 } from '../../../migrations/1795824000300-create-logs.js';
import { CreateEventsAndWebhooks1795824000400 } from '../../../migrations/1795824000400-create-events-and-webhooks.js';
import { CreateAsyncPolicies1795824000401 } from '../../../migrations/1795824000401-create-async-policies.js';
import { IndexSignals1795824000500 } from '../../../migrations/1795824000500-index-signals.js';
import { CreateFunctionMetrics1795824000501 } from '../../../migrations/1795824000501-create-function-metrics.js';

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
  AddRolloutEngine1795737600010,
  CreateTriggers1795737600100,
  CreateCapacityRecords1795737600300,
  CreatePoolStatuses1795737600301,
  PlaceFunctions1795737600400,
  CreateAsyncInvocations1795737600500,
  CreateCronTriggers1795824000100,
  CreateKafkaTriggers1795824000200,
  CreateLogs1795824000300,
  CreateEventsAndWebhooks1795824000400,
  CreateAsyncPolicies1795824000401,
  IndexSignals1795824000500,
  CreateFunctionMetrics1795824000501,
];
