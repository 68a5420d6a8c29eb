/** What a sealed version is bound to: moved to another tenant, secret or number it does not open. */
export function bindingOf(tenantId: string, secretId: string, version: number): string {
  return `${tenantId}/${secretId}/${version}`;
}
