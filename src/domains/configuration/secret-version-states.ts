/** `previous` can be made current again; of a `destroyed` one the values are gone for good. */
export const SECRET_VERSION_STATES = ['current', 'previous', 'destroyed'] as const;
export type SecretVersionState = (typeof SECRET_VERSION_STATES)[number];
