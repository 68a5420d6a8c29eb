const REGISTRY_SETTING = /^(npm_config_(registry|cafile|ca|proxy|https[-_]proxy|noproxy|strict[-_]ssl)|PIP_.+|GO(PROXY|FLAGS|SUMDB|NOSUMDB|NOPROXY|PRIVATE)|(HTTPS?|NO|ALL)_PROXY|SSL_CERT_(FILE|DIR)|NODE_EXTRA_CA_CERTS|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE)$/i;

/** How this machine reaches package registries (addresses, proxies, certificates), so that builds of functions reach them the same way. */
export function registrySettings(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined && REGISTRY_SETTING.test(entry[0])));
}
