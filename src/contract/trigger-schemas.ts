import { integer, objectOf, oneOf, text, type Schema } from './crd-schema.js';
import {
  HTTP_METHODS, LONGEST_AUDIENCE, LONGEST_CLAIM_NAME, LONGEST_CLAIM_VALUE, LONGEST_CORS_AGE_SECONDS, LONGEST_HOST, LONGEST_ISSUER, LONGEST_TRIGGER_PATH, LONGEST_TRIGGER_TIMEOUT_SECONDS, MOST_AUDIENCES,
  MOST_BODY_BYTES, MOST_CLAIM_VALUES, MOST_CLAIMS, MOST_CORS_ITEMS, MOST_HTTP_TRIGGERS, MOST_PER_SECOND, PATH_MATCHES, TRIGGER_AUTHENTICATIONS, type CorsSpec, type HttpTriggerSpec, type RateSpec,
  type RequiredClaim, type TriggerJwtSpec, type TriggerLimitsSpec, type TriggersSpec, type TriggerTlsSpec,
} from './triggers.js';

/** RE2 has no look-ahead: what this lets through and the contract does not is refused by the control plane. */
const NAME = '^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$';
const HOST = '^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\\.)+[a-z]([-a-z0-9]{0,61}[a-z0-9])?$';
const PATH = '^/([-A-Za-z0-9._~!$&\'()*+,;=:@]+/?)*$';

const ORIGIN = '^(\\*|https?://[-a-z0-9.:\\[\\]]{1,267})$';
const FIELD = "^(\\*|[-!#$%&'+.^_`|~0-9a-z]+)$";

function setOf(items: Schema, minItems: number, maxItems: number, description: string): Schema {
  return { type: 'array', minItems, maxItems, 'x-kubernetes-list-type': 'set', items, description };
}

function corsSchema(): Schema {
  return objectOf<CorsSpec>({
    allowOrigins: setOf(text(ORIGIN, 280, 'An origin, or * for all.'), 1, MOST_CORS_ITEMS, 'Origins whose pages may read answers.'),
    allowMethods: setOf(oneOf(HTTP_METHODS, 'A method.'), 1, HTTP_METHODS.length, "Absent: the trigger's."),
    allowHeaders: setOf(text(FIELD, 100, 'A header field, or * for all.'), 1, MOST_CORS_ITEMS, 'Fields that pages may send.'),
    exposeHeaders: setOf(text(FIELD, 100, 'A header field.'), 1, MOST_CORS_ITEMS, 'Fields that pages may read.'),
    allowCredentials: { type: 'boolean', description: 'Whether pages may send credentials.' },
    maxAgeSeconds: integer(0, LONGEST_CORS_AGE_SECONDS, 'How long a preflight holds.'),
  }, ['allowOrigins'], { description: 'Which pages of other origins may read answers.' });
}

function rateSchema(description: string): Schema {
  return objectOf<RateSpec>({ perSecond: integer(1, MOST_PER_SECOND, 'On average.'), burst: integer(1, MOST_PER_SECOND, 'At once; as many as perSecond when absent.') }, ['perSecond'], { description });
}

function limitsSchema(): Schema {
  return objectOf<TriggerLimitsSpec>({
    rate: rateSchema('Requests of all callers together.'),
    callerRate: rateSchema('Requests of each caller.'),
    maxBodyBytes: integer(0, MOST_BODY_BYTES, 'Longest request body.'),
    timeoutSeconds: integer(1, LONGEST_TRIGGER_TIMEOUT_SECONDS, "Longest wait for an answer; at most the function's own."),
  }, [], { description: 'What the gateway lets through.' });
}

function jwtSchema(): Schema {
  return objectOf<TriggerJwtSpec>({
    issuer: text('^https?://[^\\s?#@|]+$', LONGEST_ISSUER, 'Exact iss of the tokens.'),
    audiences: setOf({ type: 'string', minLength: 1, maxLength: LONGEST_AUDIENCE }, 1, MOST_AUDIENCES, 'One of them must be in aud.'),
    jwksUri: text('^https?://', 2_048, 'Where its keys are; its discovery document says so when absent.'),
    claims: {
      type: 'array', minItems: 1, maxItems: MOST_CLAIMS, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'], description: 'All of them must be met.',
      items: objectOf<RequiredClaim>({
        name: { type: 'string', minLength: 1, maxLength: LONGEST_CLAIM_NAME },
        values: setOf({ type: 'string', maxLength: LONGEST_CLAIM_VALUE }, 1, MOST_CLAIM_VALUES, 'One of them must be there.'),
      }, ['name', 'values']),
    },
  }, ['issuer', 'audiences'], { description: 'Whose tokens are let in.' });
}

export function triggersSchema(): Schema {
  const trigger = objectOf<HttpTriggerSpec>({
    name: text(NAME, 40, 'Unique in its tenant.'),
    host: text(HOST, LONGEST_HOST, 'One name, without a port.'),
    path: objectOf<HttpTriggerSpec['path']>({
      type: oneOf(PATH_MATCHES, 'exact: this path alone; prefix: it and all below it, by whole segments.'),
      value: text(PATH, LONGEST_TRIGGER_PATH, 'The path.'),
    }, ['type', 'value']),
    methods: setOf(oneOf(HTTP_METHODS, 'A method.'), 1, HTTP_METHODS.length, 'Absent: all.'),
    rewrite: objectOf<NonNullable<HttpTriggerSpec['rewrite']>>({ prefix: text(PATH, LONGEST_TRIGGER_PATH, 'What takes the place of the path that matched.') }, ['prefix']),
    authentication: oneOf(TRIGGER_AUTHENTICATIONS, 'public: anyone may call; required: the gateway asks for a credential; jwt: for a token of the issuer named in jwt.'),
    jwt: jwtSchema(),
    tls: objectOf<TriggerTlsSpec>({ secret: text('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', 253, 'Of type kubernetes.io/tls, in the same namespace.') }, ['secret'], { description: 'What the way in shows for the host.' }),
    cors: corsSchema(),
    limits: limitsSchema(),
    through: oneOf(['gateway'], 'The way over the gateway is the only one for now.'),
  }, ['name', 'host', 'path', 'authentication']);
  return objectOf<TriggersSpec>({
    http: {
      type: 'array', maxItems: MOST_HTTP_TRIGGERS, items: trigger, description: 'Hosts and paths it answers at.', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'],
    },
  }, []);
}
