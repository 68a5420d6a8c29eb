import type { CorsSpec, HttpMethod, PathMatch, TriggerAuthentication, TriggerJwtSpec, TriggerLimitsSpec, TriggerTlsSpec } from '../../contract/triggers.js';

/** A host and path at which a function answers, as the client sends it. */
export interface HttpTriggerBody {
  host: string;
  path: { type: PathMatch; value: string };
  methods?: HttpMethod[];
  rewrite?: { prefix: string };
  authentication: TriggerAuthentication;
  jwt?: TriggerJwtSpec;
  /** By the name of a secret of the tenant. */
  tls?: TriggerTlsSpec;
  cors?: CorsSpec;
  limits?: TriggerLimitsSpec;
}

export interface TriggerBody {
  name: string;
  /** Name of the function that is started. */
  function: string;
  http: HttpTriggerBody;
}

/** Merge patch of a trigger: null removes. The name cannot be changed. */
export type TriggerPatch = { readonly [Field in Exclude<keyof TriggerBody, 'name'>]?: unknown };
