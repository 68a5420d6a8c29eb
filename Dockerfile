# syntax=docker/dockerfile:1
# One image for every role. Both bases are arguments, so that an organisation brings its own:
#   BUILD_BASE    Node 24 with npm and a shell
#   RUNTIME_BASE  Node 24 and nothing else, e.g. the project's own distroless base
# `node deploy/image/build.ts` builds it on bases made from packages alone (deploy/image/README.md).
ARG BUILD_BASE=node:24-bookworm-slim
ARG RUNTIME_BASE=node:24-bookworm-slim

# What runs: the lock file's packages without those for development, nor what only compilers and debuggers read.
# A registry of one's own and the certificate it is known by are secrets (`npmrc`, `ca-certificates`): neither gets into a layer.
FROM ${BUILD_BASE} AS production
ARG NODE_EXTRA_CA_CERTS=
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=ca-certificates,target=/run/secrets/ca-certificates \
    npm ci --omit=dev --ignore-scripts --prefer-offline \
    && rm -rf node_modules/typescript node_modules/.bin \
    && find node_modules -type f '(' -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' -o -name '*.spec.js' ')' -exec rm '{}' +

FROM production AS build
ARG NODE_EXTRA_CA_CERTS=
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=secret,id=ca-certificates,target=/run/secrets/ca-certificates \
    npm install --ignore-scripts --prefer-offline
COPY nest-cli.json .swcrc tsconfig.json ./
COPY src ./src
COPY migrations ./migrations
RUN npx --no-install nest build

FROM ${RUNTIME_BASE}
LABEL org.opencontainers.image.title="fnplane" org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
# What a role writes goes to /tmp, the one folder that needs to be writable.
ENV NODE_ENV=production FNPLANE_API_LISTEN=0.0.0.0:3000 FNPLANE_GATEWAY_LISTEN=0.0.0.0:3080 FNPLANE_MANAGEMENT_LISTEN=0.0.0.0:3090 FNPLANE_BUILD_CACHE=/tmp/fnplane-builds
USER 65532:65532
EXPOSE 3000 3080 3090
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "--enable-source-maps", "--max-semi-space-size=16", "/app/dist/src/main.js"]
COPY package.json ./
# The library Go functions are compiled with.
COPY deploy/runtimes/go ./deploy/runtimes/go
COPY --from=production /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
