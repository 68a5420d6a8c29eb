/** What starts a function beside its own address. */
export interface TriggersSpec {
  /** Hosts and paths it answers at, of all of the tenant's own. */
  http?: HttpTriggerSpec[];
}

export const HTTP_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
export type HttpMethod = (typeof HTTP_METHODS)[number];

/** `exact`: this path alone. `prefix`: it and all below it, by whole segments. */
export const PATH_MATCHES = ['exact', 'prefix'] as const;
export type PathMatch = (typeof PATH_MATCHES)[number];

/** `public`: anyone may call. `required`: the gateway asks callers for a credential that may invoke. `jwt`: for a token of an issuer of the tenant's own. */
export const TRIGGER_AUTHENTICATIONS = ['public', 'required', 'jwt'] as const;
export type TriggerAuthentication = (typeof TRIGGER_AUTHENTICATIONS)[number];

/** A claim that tokens must have with one of these values: alone, in a list, or, of `scope` and `scp`, among words. */
export interface RequiredClaim {
  name: string;
  values: string[];
}

/** Whose tokens are let in. They go on to the function, which may read more of them. */
export interface TriggerJwtSpec {
  /** Exact `iss` of the tokens. Its OpenID Connect discovery document says where its keys are, unless `jwksUri` does. */
  issuer: string;
  /** One of them must be in `aud`. */
  audiences: string[];
  jwksUri?: string;
  /** All of them must be met. */
  claims?: RequiredClaim[];
}

/** Requests per second on average; `burst` at once, as many as `perSecond` when absent. */
export interface RateSpec {
  perSecond: number;
  burst?: number;
}

export interface TriggerLimitsSpec {
  /** Of all callers together. */
  rate?: RateSpec;
  /** Of each caller: the credential that is shown where one is asked for, or else the address it comes from. */
  callerRate?: RateSpec;
  /** At most what the gateway takes anyhow. */
  maxBodyBytes?: number;
  /** At most the function's own. */
  timeoutSeconds?: number;
}

/** Which web pages of other origins may read answers (the Fetch standard's CORS protocol). The gateway keeps it: preflights reach no function. */
export interface CorsSpec {
  /** Origins as browsers send them, or `*` alone for all. */
  allowOrigins: string[];
  /** Absent: the trigger's. */
  allowMethods?: HttpMethod[];
  /** In lower case, or `*` alone for whatever is asked for. Absent: those that need no permission. */
  allowHeaders?: string[];
  /** Fields of the answer that pages may read besides the ones every page may. */
  exposeHeaders?: string[];
  /** Whether pages may send cookies and other credentials of the browser's. Not with `*`. */
  allowCredentials?: boolean;
  /** How long a browser may remember the answer to a preflight. Absent: as long as it likes. */
  maxAgeSeconds?: number;
}

export interface HttpTriggerSpec {
  /** Unique in its tenant. */
  name: string;
  /** One name in lower case, without a port. */
  host: string;
  path: { type: PathMatch; value: string };
  /** Absent: all. */
  methods?: HttpMethod[];
  /** What takes the place of the path that matched; of a prefix, what follows it stays. Absent: the function sees the path as it was asked for. */
  rewrite?: { prefix: string };
  authentication: TriggerAuthentication;
  /** There if `authentication` is `jwt`, and only then. */
  jwt?: TriggerJwtSpec;
  /** Where the cluster's way in shows a certificate of the tenant's for the host. */
  tls?: TriggerTlsSpec;
  /** Absent: the gateway says nothing of other origins, and the function's own answers do. */
  cors?: CorsSpec;
  /** What the gateway lets through, beside what it lets through of the tenant and of the function. */
  limits?: TriggerLimitsSpec;
  /** The way over the gateway is the only one for now, whatever the cluster could do. */
  through?: 'gateway';
}

export const MOST_PER_SECOND = 100_000;
export const MOST_BODY_BYTES = 2 ** 31 - 1;
export const LONGEST_TRIGGER_TIMEOUT_SECONDS = 900;

/** A certificate: in the API by the tenant's secret that holds it, on a cluster by the `kubernetes.io/tls` Secret made of it. */
export interface TriggerTlsSpec {
  secret: string;
}

/** Keys of a tenant's secret that holds a certificate: the chain and its private key, as PEM. */
export const CERTIFICATE_KEYS = { certificate: 'TLS_CERTIFICATE', privateKey: 'TLS_PRIVATE_KEY' } as const;
export const LONGEST_SECRET_NAME = 63;

export const MOST_AUDIENCES = 10;
export const MOST_CLAIMS = 10;
export const MOST_CLAIM_VALUES = 32;
export const LONGEST_AUDIENCE = 255;
export const LONGEST_CLAIM_NAME = 200;
export const LONGEST_CLAIM_VALUE = 255;
export const LONGEST_ISSUER = 255;
/** Over TLS and without a query, as OpenID Connect Discovery has it. */
export const TOKEN_ISSUER = /^https?:\/\/[^\s?#@|]{1,247}$/;

export const ANY = '*';
export const MOST_CORS_ITEMS = 32;
/** Browsers keep none longer. */
export const LONGEST_CORS_AGE_SECONDS = 86_400;
/** As a browser serialises it: in lower case, without a path. */
export const CORS_ORIGIN = /^(?:\*|https?:\/\/(?:[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)*|\[[0-9a-f:]{2,45}\])(?::[1-9]\d{0,4})?)$/;
export const CORS_HEADER = /^(?:\*|[-!#$%&'+.^_`|~0-9a-z]{1,100})$/;

/** Most HTTP triggers of one function. */
export const MOST_HTTP_TRIGGERS = 32;
export const LONGEST_HOST = 253;
export const LONGEST_TRIGGER_PATH = 512;

/** At least two labels, the last one no number: so it is no IP address either. */
export const TRIGGER_HOST = /^(?=.{1,253}$)(?:[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
/** Segments that every hop reads alike: no encoded characters, no empty or dot segments. A slash at the end stands for itself alone. */
export const TRIGGER_PATH = /^\/(?:(?!\.{1,2}(?:\/|$))[-A-Za-z0-9._~!$&'()*+,;=:@]+(?:\/(?!\.{1,2}(?:\/|$))[-A-Za-z0-9._~!$&'()*+,;=:@]+)*\/?)?$/;

/** Like a function's, it becomes part of the name of an object. */
export const TRIGGER_NAME = /^(?!.*---)(?![0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$)[a-z](?:[-a-z0-9]{0,38}[a-z0-9])?$/;

/** The path a function sees, of one that matched: without a rewrite as it was. `path` begins with what the trigger names. */
export function rewrittenPath({ path: { type, value }, rewrite }: Pick<HttpTriggerSpec, 'path' | 'rewrite'>, path: string): string {
  if (!rewrite) return path;
  const base = rewrite.prefix.endsWith('/') ? rewrite.prefix.slice(0, -1) : rewrite.prefix;
  if (type === 'exact') return rewrite.prefix;
  const rest = path.slice(value.endsWith('/') ? value.length - 1 : value.length);
  return base + rest || '/';
}
