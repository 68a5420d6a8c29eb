import type { JSONWebKeySet } from 'jose';
import type { TrustedIssuer } from '../config/config.js';
import { fetchBoundedJson } from './bounded-json.js';

/** Reads an issuer's present key set. */
export type KeyDocument = () => Promise<JSONWebKeySet>;

/** An issuer may move its keys; where they are is asked again after this. */
const DISCOVERY_MAX_AGE_MS = 10 * 60_000;

/** Reads a small JSON document. @throws for everything but a 200 with JSON. */
type ReadJson = (url: string) => Promise<unknown>;

/** Where the keys are published comes from configuration or from the issuer's own discovery document, never from a token. */
export function publishedKeys({ issuer, jwksUri }: Pick<TrustedIssuer, 'issuer' | 'jwksUri'>, read: ReadJson = fetchBoundedJson): KeyDocument {
  return jwksUri ? () => readKeys(jwksUri, read) : discoveredKeys(issuer, read);
}

function discoveredKeys(issuer: string, read: ReadJson): KeyDocument {
  let found: { jwksUri: string; until: number } | undefined;
  return async () => {
    if (!found || found.until <= Date.now()) found = { jwksUri: await discover(issuer, read), until: Date.now() + DISCOVERY_MAX_AGE_MS };
    try {
      return await readKeys(found.jwksUri, read);
    } catch (error) {
      found = undefined;
      throw error;
    }
  };
}

/** OpenID Connect Discovery 1.0, section 4: the document must name exactly the issuer it was asked for. */
async function discover(issuer: string, read: ReadJson): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const document = (await read(url)) as { issuer?: unknown; jwks_uri?: unknown } | null;
  if (document?.issuer !== issuer) throw new Error(`${url} speaks for another issuer than ${issuer}`);
  const jwksUri = document.jwks_uri;
  if (typeof jwksUri !== 'string' || !URL.canParse(jwksUri)) throw new Error(`${url} names no jwks_uri`);
  // What was asked over TLS is not continued without it.
  const { protocol } = new URL(jwksUri);
  if (protocol !== 'https:' && protocol !== new URL(issuer).protocol) throw new Error(`${url} names a jwks_uri without TLS`);
  return jwksUri;
}

/** Whether it is a key set is for jose to judge. */
async function readKeys(jwksUri: string, read: ReadJson): Promise<JSONWebKeySet> {
  return (await read(jwksUri)) as JSONWebKeySet;
}
