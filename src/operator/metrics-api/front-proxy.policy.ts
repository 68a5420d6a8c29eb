/** How an API server proves itself to the APIs behind it, and says for whom it asks: ConfigMap `extension-apiserver-authentication`. */
export interface FrontProxyTrust {
  /** PEM of the authorities of its client certificate. */
  authorities: string;
  /** Common names it may have; none: any. */
  names: readonly string[];
  usernameHeaders: readonly string[];
  groupHeaders: readonly string[];
  extraPrefixes: readonly string[];
}

/** For whom the API server asks. */
export interface Identity {
  user: string;
  groups: string[];
  extra: Record<string, string[]>;
}

/** Null while the API server has no front proxy set up. Pure. */
export function readTrust(data: Record<string, string> | undefined): FrontProxyTrust | null {
  const authorities = data?.['requestheader-client-ca-file'];
  const usernameHeaders = listOf(data, 'requestheader-username-headers');
  if (!authorities?.includes('BEGIN CERTIFICATE') || usernameHeaders.length === 0) return null;
  return {
    authorities,
    names: listOf(data, 'requestheader-allowed-names'),
    usernameHeaders,
    groupHeaders: listOf(data, 'requestheader-group-headers'),
    extraPrefixes: listOf(data, 'requestheader-extra-headers-prefix'),
  };
}

export function isAllowedName(trust: FrontProxyTrust, commonName: string | undefined): boolean {
  return trust.names.length === 0 || (commonName !== undefined && trust.names.includes(commonName));
}

/** Null when no user is named. `headers`: names in lower case, each with all its values. Pure. */
export function readIdentity(trust: FrontProxyTrust, headers: Readonly<Record<string, readonly string[] | undefined>>): Identity | null {
  const valuesOf = (name: string): readonly string[] => headers[name.toLowerCase()] ?? [];
  const user = trust.usernameHeaders.map((name) => valuesOf(name)[0]).find((value) => value);
  if (!user) return null;
  const extra: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
  for (const [name, values = []] of Object.entries(headers)) {
    const prefix = trust.extraPrefixes.find((candidate) => candidate !== '' && name.startsWith(candidate.toLowerCase()));
    if (prefix !== undefined) extra[decode(name.slice(prefix.length))] = [...values];
  }
  return { user, groups: trust.groupHeaders.flatMap(valuesOf), extra };
}

function listOf(data: Record<string, string> | undefined, key: string): string[] {
  try {
    const parsed = JSON.parse(data?.[key] ?? '[]') as unknown;
    return Array.isArray(parsed) ? parsed.filter((item) => typeof item === 'string') : [];
  } catch {
    return [];
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
