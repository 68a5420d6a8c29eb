import type { ApolloServerPlugin, GraphQLRequestContextWillSendResponse } from '@apollo/server';
import type { GraphQLFormattedError } from 'graphql';

/** Headers and status of errors that concern the credential, as REST gives them. */
function answerTo({ extensions = {} }: GraphQLFormattedError): { status: number; header: [string, string] } | undefined {
  if (extensions.code === 'UNAUTHENTICATED') return { status: 401, header: ['www-authenticate', 'Bearer realm="fnplane"'] };
  if (extensions.code === 'IDENTITY_PROVIDER_UNAVAILABLE') return { status: 503, header: ['retry-after', String((extensions.retryAfterSeconds as number | undefined) ?? 1)] };
  return undefined;
}

/** A credential that is not good concerns the request as a whole and not one of its fields: the status says so, and there is no `data`. */
export const credentialStatus: ApolloServerPlugin = {
  async requestDidStart() {
    return {
      async willSendResponse({ response: { body, http } }: GraphQLRequestContextWillSendResponse<object>) {
        const errors = body.kind === 'single' ? body.singleResult.errors : undefined;
        const answer = errors?.map(answerTo).find((one) => one !== undefined);
        if (!answer || body.kind !== 'single') return;
        body.singleResult = { errors: errors! };
        http.status = answer.status;
        http.headers.set(...answer.header);
      },
    };
  },
};
