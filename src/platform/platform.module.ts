import { Global, Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { RefusalInterceptor } from './audit/refusal.interceptor.js';
import { RefusalRecorder } from './audit/refusal-recorder.js';
import { AccessGuard } from './auth/access.guard.js';
import { TokenVerifier } from './auth/token-verifier.js';
import type { Config } from './config/config.js';
import { AnswerSealer } from './crypto/answer-sealer.js';
import { Envelope } from './crypto/envelope.js';
import { KeyProviders } from './crypto/key-providers.js';
import { KeyRegister } from './crypto/key-register.js';
import { Database } from './database/database.js';
import { GraphqlIntake } from './graphql/graphql-intake.js';
import { GraphqlMutations } from './graphql/graphql-mutations.js';
import { GraphqlSockets } from './graphql/graphql-sockets.js';
import { SocketOperations } from './graphql/socket-operations.js';
import { NodeResolver } from './graphql/node.resolver.js';
import { JobQueue } from './jobs/job-queue.js';
import { RequestLimits } from './limits/request-limits.js';
import { MutationRunner } from './mutations/mutation-runner.js';
import { IfMatchInterceptor } from './rest/if-match.interceptor.js';
import { EtagInterceptor } from './rest/etag.js';
import { MutationInterceptor } from './rest/mutation.interceptor.js';
import { ProblemFilter } from './rest/problem.filter.js';
import { QueryNamesInterceptor } from './rest/query-names.interceptor.js';
import { buildValidationPipe } from './rest/validation.pipe.js';
import { CONFIG } from './tokens.js';

/** What every domain stands on: configuration, database, jobs, sealing, and the pieces that guard each handler. */
@Global()
@Module({})
export class PlatformModule {
  static forProcess(config: Config, database: Database): DynamicModule {
    return {
      module: PlatformModule,
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: Database, useValue: database },
        { provide: KeyProviders, useFactory: () => KeyProviders.fromConfig(config) },
        { provide: KeyRegister, useFactory: (providers: KeyProviders) => new KeyRegister(database, providers), inject: [KeyProviders] },
        { provide: Envelope, useFactory: (providers: KeyProviders, register: KeyRegister) => new Envelope(providers, register, Math.max(1, Math.floor(config.FNPLANE_DATABASE_POOL / 4))), inject: [KeyProviders, KeyRegister] },
        { provide: JobQueue, useFactory: () => new JobQueue(database) },
        { provide: TokenVerifier, useFactory: () => new TokenVerifier(config.FNPLANE_ISSUERS ?? []) },
        { provide: MutationRunner, useFactory: () => new MutationRunner(database, new AnswerSealer(config.FNPLANE_INTERNAL_SECRET)) },
        GraphqlMutations,
      ],
      exports: [CONFIG, Database, Envelope, KeyRegister, JobQueue, TokenVerifier, MutationRunner, GraphqlMutations],
    };
  }
}

/** Guard, pipe, filter and interceptors of every handler; needs `AccessDirectory` and `RefusalLog`, so the app module adds it. */
export const HANDLER_PROVIDERS = [
  RequestLimits,
  AccessGuard,
  GraphqlIntake,
  GraphqlSockets,
  SocketOperations,
  NodeResolver,
  RefusalRecorder,
  { provide: APP_GUARD, useExisting: AccessGuard },
  { provide: APP_PIPE, useFactory: buildValidationPipe },
  { provide: APP_FILTER, useClass: ProblemFilter },
  { provide: APP_INTERCEPTOR, useClass: RefusalInterceptor },
  { provide: APP_INTERCEPTOR, useClass: QueryNamesInterceptor },
  { provide: APP_INTERCEPTOR, useClass: EtagInterceptor },
  { provide: APP_INTERCEPTOR, useClass: IfMatchInterceptor },
  { provide: APP_INTERCEPTOR, useClass: MutationInterceptor },
];
