import { Module, type DynamicModule } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { GraphQLModule } from '@nestjs/graphql';
import { ApolloDriver } from '@nestjs/apollo';
import { AccessModule } from './domains/access/access.module.js';
import { AsyncInvocationsModule } from './domains/async-invocations/async-invocations.module.js';
import { AuditModule } from './domains/audit/audit.module.js';
import { BillingModule } from './domains/billing/billing.module.js';
import { ClustersModule } from './domains/clusters/clusters.module.js';
import { ConfigurationModule } from './domains/configuration/configuration.module.js';
import { CronTriggersModule } from './domains/cron-triggers/cron-triggers.module.js';
import { EventsModule } from './domains/events/events.module.js';
import { FunctionsModule } from './domains/functions/functions.module.js';
import { InvocationsModule } from './domains/invocations/invocations.module.js';
import { LogsModule } from './domains/logs/logs.module.js';
import { KafkaTriggersModule } from './domains/kafka-triggers/kafka-triggers.module.js';
import { MeteringModule } from './domains/metering/metering.module.js';
import { OperationsModule } from './domains/operations/operations.module.js';
import { PoolsModule } from './domains/pools/pools.module.js';
import { QuotasModule } from './domains/quotas/quotas.module.js';
import { TenantsModule } from './domains/tenants/tenants.module.js';
import { TriggersModule } from './domains/triggers/triggers.module.js';
import { WebhooksModule } from './domains/webhooks/webhooks.module.js';
import type { Config } from './platform/config/config.js';
import type { Database } from './platform/database/database.js';
import { DocumentGate } from './platform/graphql/document-gate.js';
import { graphqlOptions } from './platform/graphql/graphql-options.js';
import { HANDLER_PROVIDERS, PlatformModule } from './platform/platform.module.js';

/** From left to right, as they may import each other. */
const DOMAINS = [
  AuditModule, EventsModule, OperationsModule, TenantsModule, AccessModule, ClustersModule, ConfigurationModule, QuotasModule, WebhooksModule, PoolsModule, FunctionsModule, LogsModule, InvocationsModule,
  AsyncInvocationsModule, TriggersModule, CronTriggersModule, KafkaTriggersModule, MeteringModule, BillingModule,
];

/** The control plane: every domain on one platform. GraphQL and the handler pieces come with the `api` role only. */
@Module({})
export class AppModule {
  static forProcess(config: Config, database: Database): DynamicModule {
    const api = config.FNPLANE_ROLES.includes('api');
    const gate = api ? DocumentGate.forProcess(config) : undefined;
    return {
      module: AppModule,
      imports: [
        PlatformModule.forProcess(config, database),
        ...DOMAINS,
        ...(api ? [GraphQLModule.forRootAsync({ driver: ApolloDriver, inject: [ModuleRef], useFactory: (modules: ModuleRef) => graphqlOptions(config, gate!, modules) })] : []),
      ],
      providers: api ? [...HANDLER_PROVIDERS, { provide: DocumentGate, useValue: gate }] : [],
    };
  }
}
