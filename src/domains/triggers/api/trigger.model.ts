import { Field, InputType, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import {
  CORS_HEADER, CORS_ORIGIN, HTTP_METHODS, LONGEST_CLAIM_NAME, LONGEST_CORS_AGE_SECONDS, LONGEST_HOST, LONGEST_ISSUER, LONGEST_SECRET_NAME, LONGEST_TRIGGER_PATH, LONGEST_TRIGGER_TIMEOUT_SECONDS, MOST_AUDIENCES, MOST_BODY_BYTES, MOST_CLAIM_VALUES,
  MOST_CLAIMS, MOST_CORS_ITEMS, MOST_PER_SECOND, PATH_MATCHES, TOKEN_ISSUER, TRIGGER_AUTHENTICATIONS, TRIGGER_HOST, TRIGGER_NAME, TRIGGER_PATH, type HttpMethod, type PathMatch, type TriggerAuthentication,
} from '../../../contract/triggers.js';
import { BoolField, DateField, EnumField, IntField, ListField, ObjectField, TextField } from '../../../platform/graphql/fields.js';
import { MutationPayload } from '../../../platform/graphql/mutation.js';
import { Node } from '../../../platform/graphql/node.js';
import { TenantCreationInput, TenantMutationInput } from '../../tenants/api/tenant.model.js';

/** Null means the same as absent. */
const MAYBE = { optional: true, nullable: true } as const;
const HOST = { max: LONGEST_HOST, pattern: TRIGGER_HOST, patternMessage: 'must be a host name of at least two labels in lower case, without a port', description: 'Host name, without a port. A host and path belong to the tenant that has them first.', example: 'shop.example' } as const;
const PATH = { max: LONGEST_TRIGGER_PATH, pattern: TRIGGER_PATH, patternMessage: 'must start with a slash and hold neither encoded characters nor empty or dot segments' } as const;
const TYPE_WORDS = 'exact: this path alone; prefix: it and all below it, by whole segments. Exact paths go before prefixes, longer prefixes before shorter ones.';
const ORIGINS = { min: 1, max: MOST_CORS_ITEMS, itemPattern: CORS_ORIGIN, description: 'Origins whose pages may read answers, or * alone for all.', example: ['https://shop.example'] } as const;
const HEADERS = { min: 1, max: MOST_CORS_ITEMS, itemPattern: CORS_HEADER } as const;
const CORS_METHODS_WORDS = 'Methods pages may use; those of the trigger when absent.';
const CORS_HEADERS_WORDS = 'Header fields pages may send, in lower case, or * alone for all; those that need no permission when absent.';
const EXPOSED_WORDS = 'Header fields pages may read besides those every page may.';
const CREDENTIALS_WORDS = 'Whether pages may send cookies and the like. Not with all origins.';
const AGE = { min: 0, max: LONGEST_CORS_AGE_SECONDS, description: 'Seconds a browser may remember the answer to a preflight.' } as const;
const CORS_WORDS = 'Which pages of other origins may read answers. The gateway keeps these rules, and a preflight reaches no function; without them the function\'s own answers speak for it.';
const PER_SECOND = { min: 1, max: MOST_PER_SECOND, description: 'Requests per second on average.' } as const;
const BURST = { ...MAYBE, min: 1, max: MOST_PER_SECOND, description: 'Requests at once; as many as perSecond when absent.' } as const;
const RATE = { ...MAYBE, description: 'Of all callers together; beyond it 429.' } as const;
const CALLER_RATE = { ...MAYBE, description: 'Of each caller: the credential it shows where one is asked for, or else the address it comes from.' } as const;
const BODY_BYTES = { ...MAYBE, min: 0, max: MOST_BODY_BYTES, description: 'Longest request body; at most what the gateway takes anyhow.' } as const;
const TIMEOUT = { ...MAYBE, min: 1, max: LONGEST_TRIGGER_TIMEOUT_SECONDS, description: 'Longest wait for an answer; at most the function\'s own timeout.' } as const;
const LIMITS_WORDS = 'What is let through here, beside what the tenant\'s quota lets through.';
const METHODS_WORDS = 'Methods that are passed on, others are answered 405; all when absent.';
const AUTHENTICATION_WORDS = 'public: anyone may call; required: callers need a credential with functions:invoke; jwt: a token of the issuer named in jwt.';
const ISSUER = { max: LONGEST_ISSUER, pattern: TOKEN_ISSUER, patternMessage: 'must be an address without a query and a fragment', description: 'Exact iss of the tokens. Its OpenID Connect discovery document says where its keys are, unless jwksUri does.', example: 'https://login.shop.example' } as const;
const AUDIENCES = { min: 1, max: MOST_AUDIENCES, description: 'One of them must be in aud.', example: ['orders'] } as const;
const JWKS_URI = { ...MAYBE, max: 2_048, description: 'Where the issuer publishes its keys, where it has no discovery document.' } as const;
const CLAIMS = { ...MAYBE, max: MOST_CLAIMS, description: 'All of them must be met.' } as const;
const JWT_WORDS = 'Whose tokens are let in. The gateway verifies signature, issuer, audience, expiry and claims, and passes the token on. Given with authentication jwt, and only then.';

const TLS_WORDS = 'A certificate of the tenant\'s own that the cluster\'s way in shows for the host. A new value of the secret is taken over by itself.';

@InputType('TriggerPathInput')
@ObjectType('TriggerPath')
export class TriggerPathModel {
  @EnumField('PathMatch', PATH_MATCHES, { description: TYPE_WORDS }) type!: PathMatch;
  @TextField({ ...PATH, description: 'The path; a prefix has no slash at its end.', example: '/orders' }) value!: string;
}

@InputType('TriggerRewriteInput')
@ObjectType('TriggerRewrite', { description: 'What the function sees in place of the path that matched.' })
export class TriggerRewriteModel {
  @TextField({ ...PATH, description: 'Takes the place of the path that matched; of a prefix, what follows it stays.', example: '/' }) prefix!: string;
}

@InputType('TriggerCorsInput')
@ObjectType('TriggerCors', { description: 'The CORS protocol of the Fetch standard.' })
export class TriggerCorsModel {
  @ListField(() => String, ORIGINS) allowOrigins!: string[];
  @EnumField('HttpMethod', HTTP_METHODS, { ...MAYBE, list: true, min: 1, description: CORS_METHODS_WORDS }) allowMethods?: HttpMethod[];
  @ListField(() => String, { ...HEADERS, ...MAYBE, description: CORS_HEADERS_WORDS }) allowHeaders?: string[];
  @ListField(() => String, { ...HEADERS, ...MAYBE, description: EXPOSED_WORDS }) exposeHeaders?: string[];
  @BoolField({ ...MAYBE, description: CREDENTIALS_WORDS }) allowCredentials?: boolean;
  @IntField({ ...AGE, ...MAYBE }) maxAgeSeconds?: number;
}

@InputType('TriggerRateInput')
@ObjectType('TriggerRate')
export class TriggerRateModel {
  @IntField(PER_SECOND) perSecond!: number;
  @IntField(BURST) burst?: number;
}

@InputType('TriggerLimitsInput')
@ObjectType('TriggerLimits')
export class TriggerLimitsModel {
  @ObjectField(() => TriggerRateModel, RATE) rate?: TriggerRateModel;
  @ObjectField(() => TriggerRateModel, CALLER_RATE) callerRate?: TriggerRateModel;
  @IntField(BODY_BYTES) maxBodyBytes?: number;
  @IntField(TIMEOUT) timeoutSeconds?: number;
}

@InputType('RequiredClaimInput')
@ObjectType('RequiredClaim', { description: 'A claim that tokens must have with one of these values: alone, in a list, or, of scope and scp, among words.' })
export class RequiredClaimModel {
  @TextField({ max: LONGEST_CLAIM_NAME, example: 'scope' }) name!: string;
  @ListField(() => String, { min: 1, max: MOST_CLAIM_VALUES, example: ['orders:write'] }) values!: string[];
}

@InputType('TriggerJwtInput')
@ObjectType('TriggerJwt')
export class TriggerJwtModel {
  @TextField(ISSUER) issuer!: string;
  @ListField(() => String, AUDIENCES) audiences!: string[];
  @TextField(JWKS_URI) jwksUri?: string;
  @ListField(() => RequiredClaimModel, CLAIMS) claims?: RequiredClaimModel[];
}

@InputType('TriggerTlsInput')
@ObjectType('TriggerTls')
export class TriggerTlsModel {
  @TextField({ max: LONGEST_SECRET_NAME, description: 'Name of a secret of the tenant with TLS_CERTIFICATE (the chain, its own certificate first) and TLS_PRIVATE_KEY, as PEM.', example: 'shop-certificate' }) secret!: string;
}

@InputType('HttpTriggerInput')
@ObjectType('HttpTrigger', { description: 'A host and path.' })
export class HttpTriggerModel {
  @TextField(HOST) host!: string;
  @ObjectField(() => TriggerPathModel) path!: TriggerPathModel;
  @EnumField('HttpMethod', HTTP_METHODS, { ...MAYBE, list: true, min: 1, description: METHODS_WORDS }) methods?: HttpMethod[];
  @ObjectField(() => TriggerRewriteModel, MAYBE) rewrite?: TriggerRewriteModel;
  @EnumField('TriggerAuthentication', TRIGGER_AUTHENTICATIONS, { description: AUTHENTICATION_WORDS }) authentication!: TriggerAuthentication;
  @ObjectField(() => TriggerJwtModel, { ...MAYBE, description: JWT_WORDS }) jwt?: TriggerJwtModel;
  @ObjectField(() => TriggerTlsModel, { ...MAYBE, description: TLS_WORDS }) tls?: TriggerTlsModel;
  @ObjectField(() => TriggerCorsModel, { ...MAYBE, description: CORS_WORDS }) cors?: TriggerCorsModel;
  @ObjectField(() => TriggerLimitsModel, { ...MAYBE, description: LIMITS_WORDS }) limits?: TriggerLimitsModel;
}

@ObjectType('Trigger', { implements: () => [Node], description: 'What starts a function beside its own address.' })
export class TriggerModel {
  @ApiProperty({ format: 'uuid' }) id!: string;
  @ApiProperty({ format: 'uuid' }) tenantId!: string;
  @TextField({ description: 'Unique in its tenant.' }) name!: string;
  @TextField({ description: 'Name of the function.' }) function!: string;
  @ObjectField(() => HttpTriggerModel) http!: HttpTriggerModel;
  @TextField({ description: 'For If-Match.' }) etag!: string;
  @DateField() createdAt!: Date;
  @DateField() updatedAt!: Date;
}

@InputType('TriggerInput')
export class CreateTriggerBody {
  @TextField({ max: 40, pattern: TRIGGER_NAME, patternMessage: 'must be 1 to 40 lower-case letters, digits and hyphens, start with a letter and have no three hyphens in a row', example: 'orders' }) name!: string;
  @TextField({ max: 40, description: 'Name of a function of the tenant.', example: 'hello' }) function!: string;
  @ObjectField(() => HttpTriggerModel) http!: HttpTriggerModel;
}

@InputType('TriggerPathPatch')
export class TriggerPathPatch {
  @EnumField('PathMatch', PATH_MATCHES, { optional: true, description: TYPE_WORDS }) type?: PathMatch;
  @TextField({ ...PATH, optional: true }) value?: string;
}

@InputType('TriggerCorsPatch')
export class TriggerCorsPatch {
  @ListField(() => String, { ...ORIGINS, optional: true }) allowOrigins?: string[];
  @EnumField('HttpMethod', HTTP_METHODS, { ...MAYBE, list: true, min: 1, description: CORS_METHODS_WORDS }) allowMethods?: HttpMethod[] | null;
  @ListField(() => String, { ...HEADERS, ...MAYBE, description: CORS_HEADERS_WORDS }) allowHeaders?: string[] | null;
  @ListField(() => String, { ...HEADERS, ...MAYBE, description: EXPOSED_WORDS }) exposeHeaders?: string[] | null;
  @BoolField({ ...MAYBE, description: CREDENTIALS_WORDS }) allowCredentials?: boolean | null;
  @IntField({ ...AGE, ...MAYBE }) maxAgeSeconds?: number | null;
}

@InputType('TriggerJwtPatch')
export class TriggerJwtPatch {
  @TextField({ ...ISSUER, optional: true }) issuer?: string;
  @ListField(() => String, { ...AUDIENCES, optional: true }) audiences?: string[];
  @TextField(JWKS_URI) jwksUri?: string | null;
  @ListField(() => RequiredClaimModel, CLAIMS) claims?: RequiredClaimModel[] | null;
}

@InputType('TriggerRatePatch')
export class TriggerRatePatch {
  @IntField({ ...PER_SECOND, optional: true }) perSecond?: number;
  @IntField(BURST) burst?: number | null;
}

@InputType('TriggerLimitsPatch')
export class TriggerLimitsPatch {
  @ObjectField(() => TriggerRatePatch, RATE) rate?: TriggerRatePatch | null;
  @ObjectField(() => TriggerRatePatch, CALLER_RATE) callerRate?: TriggerRatePatch | null;
  @IntField(BODY_BYTES) maxBodyBytes?: number | null;
  @IntField(TIMEOUT) timeoutSeconds?: number | null;
}

@InputType('HttpTriggerPatch')
export class HttpTriggerPatch {
  @TextField({ ...HOST, optional: true }) host?: string;
  @ObjectField(() => TriggerPathPatch, { optional: true }) path?: TriggerPathPatch;
  @EnumField('HttpMethod', HTTP_METHODS, { ...MAYBE, list: true, min: 1, description: METHODS_WORDS }) methods?: HttpMethod[] | null;
  @ObjectField(() => TriggerRewriteModel, MAYBE) rewrite?: TriggerRewriteModel | null;
  @EnumField('TriggerAuthentication', TRIGGER_AUTHENTICATIONS, { optional: true, description: AUTHENTICATION_WORDS }) authentication?: TriggerAuthentication;
  @ObjectField(() => TriggerJwtPatch, { ...MAYBE, description: JWT_WORDS }) jwt?: TriggerJwtPatch | null;
  @ObjectField(() => TriggerTlsModel, { ...MAYBE, description: TLS_WORDS }) tls?: TriggerTlsModel | null;
  @ObjectField(() => TriggerCorsPatch, { ...MAYBE, description: CORS_WORDS }) cors?: TriggerCorsPatch | null;
  @ObjectField(() => TriggerLimitsPatch, { ...MAYBE, description: LIMITS_WORDS }) limits?: TriggerLimitsPatch | null;
}

/** Merge patch: null removes. */
@InputType('TriggerPatch')
export class TriggerPatchBody {
  @TextField({ optional: true, max: 40, description: 'Name of a function of the tenant.' }) function?: string;
  @ObjectField(() => HttpTriggerPatch, { optional: true }) http?: HttpTriggerPatch;
}

@InputType()
export class CreateTriggerInput extends TenantCreationInput {
  @ObjectField(() => CreateTriggerBody) trigger!: CreateTriggerBody;
}

@InputType()
export class PatchTriggerInput extends TenantMutationInput {
  @TextField({ max: 64, description: 'Name or UUID of the trigger.' }) trigger!: string;
  @ObjectField(() => TriggerPatchBody) change!: TriggerPatchBody;
}

@InputType()
export class DeleteTriggerInput extends TenantMutationInput {
  @TextField({ max: 64, description: 'Name or UUID of the trigger.' }) trigger!: string;
}

@ObjectType()
export class TriggerPayload extends MutationPayload {
  @Field(() => TriggerModel, { nullable: true }) trigger?: TriggerModel;
}
