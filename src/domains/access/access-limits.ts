/**
 * Bounds of what one tenant may hold: the access list with all of them must fit into one Kubernetes Secret (1 MiB), which
 * it does at 1,000 members with the longest issuers and subjects there can be.
 */
export const MAX_MEMBERS = 1_000;
export const MAX_API_KEYS = 200;
/** Not in the access list, but one may not write to the whole world in a tenant's name. */
export const MAX_INVITATIONS = 200;

/** How long the credential before the present one goes on working after a rotation: a day unless the caller says otherwise, a week at most. */
export const DEFAULT_OVERLAP_SECONDS = 86_400;
export const MAX_OVERLAP_SECONDS = 604_800;

/** Longest `iss` and `sub`; RFC 7519 sets none, OpenID Connect Core 2 sets 255 for `sub`. */
export const MAX_ISSUER_LENGTH = 255;
export const MAX_SUBJECT_LENGTH = 255;
