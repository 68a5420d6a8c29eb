import type { JSONWebKeySet } from 'jose';
import type { TrustedIssuer } from '../config/config.js';
import { fetchBoundedJson } from './bounded-json.js';

/** Reads an issuer's present key set. */
export type KeyDocument = () => Promise<JSONWebKeySet>;

/** An issuer may move its keys; where they are is asked again after this. */
const DISCOVERY_MAX_AGE_MS = 10 * 60_000;

/** Where the keys are published comes from configuration or from the issuer's own discovery document, never from a token. */
export function publishedKeys(settings: TrustedIssuer): KeyDocument {
  return settings.jwksUri ? () => fetchKeys(settings.jwksUri!) : discoveredKeys(settings.issuer);
}

function discoveredKeys(issuer: string): KeyDocument {
  let found: { jwksUri: string; until: number } | undefined;
  return async () => {
    if (!found || found.until <= Date.now()) found = { jwksUri: await discover(issuer), until: Date.now() + DISCOVERY_MAX_AGE_MS };
    try {
      return await fetchKeys(found.jwksUri);
    } catch (error) {
      found = undefined;
      throw error;
    }
  };
}

/** OpenID Connect Discovery 1.0, section 4: the document must name exactly the issuer it was asked for. */
async function discover(issuer: string): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const document = (await fetchBoundedJson(url)) as { issuer?: unknown; jwks_uri?: unknown } | null;
  if (document?.issuer !== issuer) throw new Error(`${url} speaks for another issuer than ${issuer}`);
  const jwksUri = document.jwks_uri;
  if (typeof jwksUri !== 'string' || !URL.canParse(jwksUri)) throw new Error(`${url} names no jwks_uri`);
  // What was asked over TLS is not continued without it.
  const { protocol } = new URL(jwksUri);
  if (protocol !== 'https:' && protocol !== new URL(issuer).protocol) throw new Error(`${url} names a jwks_uri without TLS`);
  return jwksUri;
}

/** Whether it is a key set is for jose to judge. */
async function fetchKeys(jwksUri: string): Promise<JSONWebKeySet> {
  return (await fetchBoundedJson(jwksUri)) as JSONWebKeySet;
}
