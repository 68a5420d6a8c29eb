/** A `WWW-Authenticate: Bearer` challenge of the distribution token protocol. */
export interface BearerChallenge {
  realm: string;
  service?: string;
  scope?: string;
}

/** Reads the first Bearer challenge of the header, or undefined (RFC 6750, quoted values as registries send them). */
export function parseBearerChallenge(header: string): BearerChallenge | undefined {
  const start = /\bBearer\s+/i.exec(header);
  if (!start) return undefined;
  const values = new Map<string, string>();
  for (const match of header.slice(start.index + start[0].length).matchAll(/([a-z_]+)="([^"]*)"/gi)) values.set(match[1]!.toLowerCase(), match[2]!);
  const realm = values.get('realm');
  if (realm === undefined) return undefined;
  return { realm, service: values.get('service'), scope: values.get('scope') };
}
