/** How to reach one registry. */
export interface RegistryOptions {
  /** `http://127.0.0.1:5000` or `https://registry.example`; only its origin counts. */
  url: string;
  /** Host that nodes pull from, where it is not the one in `url`. */
  pullHost?: string;
  credentials?: { username: string; password: string } | { token: string };
  /** PEM of a private certificate authority. */
  ca?: string;
  /** Longest wait for the head of an answer, and between two parts of its body. */
  timeoutMs?: number;
  /** Attempts in all at a request that fails by connection, 429 or 5xx. */
  attempts?: number;
  /** Connections at once. */
  connections?: number;
}

/** Reads `user:password`, or a token alone, as the configuration gives it. */
export function parseRegistryCredentials(text: string): NonNullable<RegistryOptions['credentials']> {
  const colon = text.indexOf(':');
  return colon < 0 ? { token: text } : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}
