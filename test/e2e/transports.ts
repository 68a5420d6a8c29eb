import type { HttpClient } from '../../deploy/local/http-client.ts';

/** What a scenario does, whichever way it asks. Every scenario runs through both. */
export interface Transport {
  name: 'REST' | 'GraphQL';
  createTenant(client: HttpClient, body: Record<string, unknown>): Promise<{ id: string; name: string }>;
  deleteTenant(client: HttpClient, tenant: string): Promise<void>;
  putConfig(client: HttpClient, tenant: string, name: string, data: Record<string, string>): Promise<void>;
  putSecret(client: HttpClient, tenant: string, name: string, data: Record<string, string>): Promise<void>;
  activateSecretVersion(client: HttpClient, tenant: string, name: string, number: number): Promise<void>;
  deploy(client: HttpClient, tenant: string, fn: Record<string, unknown>): Promise<void>;
  deleteFunction(client: HttpClient, tenant: string, name: string): Promise<void>;
  invoke(client: HttpClient, tenant: string, name: string, payload: unknown): Promise<unknown>;
  usage(client: HttpClient, tenant: string): Promise<{ invocations: number; billedMs: number }>;
  preview(client: HttpClient, tenant: string): Promise<{ currency: string; total: string; lines: { meter: string; quantity: string; amount: string }[] }>;
}

async function accepted(client: HttpClient, method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const answer = await client.send(method, path, { body });
  if (answer.status < 200 || answer.status > 299) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

export const REST: Transport = {
  name: 'REST',
  createTenant: async (client, body) => (await accepted(client, 'POST', '/v1/tenants', body)) as { id: string; name: string },
  deleteTenant: async (client, tenant) => void (await accepted(client, 'DELETE', `/v1/tenants/${tenant}`)),
  putConfig: async (client, tenant, name, data) => void (await accepted(client, 'PUT', `/v1/tenants/${tenant}/configs/${name}`, { data })),
  putSecret: async (client, tenant, name, data) => void (await accepted(client, 'PUT', `/v1/tenants/${tenant}/secrets/${name}`, { data })),
  activateSecretVersion: async (client, tenant, name, number) => void (await accepted(client, 'POST', `/v1/tenants/${tenant}/secrets/${name}/versions/${number}/activation`)),
  deploy: async (client, tenant, fn) => void (await accepted(client, 'PUT', `/v1/tenants/${tenant}/functions/${String(fn.name)}`, fn)),
  deleteFunction: async (client, tenant, name) => void (await accepted(client, 'DELETE', `/v1/tenants/${tenant}/functions/${name}`)),
  invoke: (client, tenant, name, payload) => accepted(client, 'POST', `/v1/tenants/${tenant}/functions/${name}/invocations`, payload),
  usage: async (client, tenant) => (await accepted(client, 'GET', `/v1/tenants/${tenant}/usage`)).total as { invocations: number; billedMs: number },
  preview: async (client, tenant) => (await accepted(client, 'GET', `/v1/tenants/${tenant}/invoice-preview`)) as never,
};

/** Runs a document; anything that went wrong, in the errors or in the payload, is thrown. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- answers of every shape
async function ask(client: HttpClient, document: string, variables: Record<string, unknown>): Promise<any> {
  const { body } = await client.graphql(document, variables);
  const payloads = Object.values((body.data ?? {}) as Record<string, { userErrors?: unknown[] } | null>);
  if (body.errors || payloads.some((payload) => payload?.userErrors?.length)) throw new Error(JSON.stringify(body));
  return body.data;
}

function mutation(name: string, input: string, fields: string): string {
  return `mutation($input: ${input}!) { ${name}(input: $input) { ${fields} userErrors { field message code } } }`;
}

/** GraphQL's enum words are upper case. */
function graphqlFunction(fn: Record<string, unknown>): Record<string, unknown> {
  const upper = Object.fromEntries(['runtime', 'authentication', 'metering'].filter((key) => typeof fn[key] === 'string').map((key) => [key, String(fn[key]).toUpperCase()]));
  const delivery = Object.entries((fn.secretDelivery ?? {}) as Record<string, string>).map(([key, value]) => [key, value.toUpperCase()]);
  return { ...fn, ...upper, ...(delivery.length > 0 ? { secretDelivery: Object.fromEntries(delivery) } : {}) };
}

export const GRAPHQL: Transport = {
  name: 'GraphQL',
  createTenant: async (client, body) => {
    const data = await ask(client, mutation('createTenant', 'CreateTenantInput', 'tenant { id: uuid name }'), { input: { tenant: body } });
    return data.createTenant.tenant;
  },
  deleteTenant: async (client, tenant) => void (await ask(client, mutation('deleteTenant', 'DeleteTenantInput', 'operation { state }'), { input: { tenant } })),
  putConfig: async (client, tenant, name, data) => void (await ask(client, mutation('putConfigSet', 'PutConfigSetInput', 'configSet { name }'), { input: { tenant, name, data } })),
  putSecret: async (client, tenant, name, data) => void (await ask(client, mutation('putSecret', 'PutSecretInput', 'secret { name }'), { input: { tenant, name, data } })),
  activateSecretVersion: async (client, tenant, name, number) => void (await ask(client, mutation('activateSecretVersion', 'SecretVersionInput', 'secret { version }'), { input: { tenant, name, number } })),
  deploy: async (client, tenant, fn) => void (await ask(client, mutation('deployFunction', 'DeployFunctionInput', 'function { name }'), { input: { tenant, function: graphqlFunction(fn) } })),
  deleteFunction: async (client, tenant, name) => void (await ask(client, mutation('deleteFunction', 'DeleteFunctionInput', 'operation { state }'), { input: { tenant, function: name } })),
  invoke: async (client, tenant, name, payload) => {
    const data = await ask(client, mutation('invokeFunction', 'InvokeFunctionInput', 'status payload'), { input: { tenant, function: name, payload } });
    return data.invokeFunction.payload;
  },
  usage: async (client, tenant) => {
    const data = await ask(client, 'query($tenant: String!) { usage(tenant: $tenant) { total { invocations billedMs } } }', { tenant });
    return data.usage.total;
  },
  preview: async (client, tenant) => {
    const data = await ask(client, 'query($tenant: String!) { invoicePreview(tenant: $tenant) { currency total lines { meter quantity amount } } }', { tenant });
    return data.invoicePreview;
  },
};
