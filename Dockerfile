# Carrel as a container image with the conventions of registry:2: port 5000, volume /var/lib/registry, the same
# arguments and REGISTRY_* variables. docs/container.md says how to run it.
#
#   docker build -t carrel .
ARG BASE=node:24-bookworm-slim

FROM ${BASE} AS build
WORKDIR /opt/carrel
COPY package.json package-lock.json ./
# No package may run code of its own here; none needs to.
RUN npm ci --omit=dev --ignore-scripts --no-fund --no-audit
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY container container
# Types are checked before a release (npm run check); here only the code is wanted, and then no compiler any more.
RUN node node_modules/typescript/bin/tsc -p tsconfig.build.json --outDir dist --sourceMap false --noCheck \
  ; test -f dist/main.js && rm -rf src tsconfig*.json node_modules/typescript node_modules/@typescript \
  && chmod 0755 container/entrypoint.mjs container/carrel container/registry

FROM ${BASE}
COPY --from=build /opt/carrel /opt/carrel
RUN ln -s /opt/carrel/container/carrel /opt/carrel/container/registry /usr/local/bin/ \
  && mkdir -p /var/lib/registry && chown 10001:10001 /var/lib/registry && chmod 0700 /var/lib/registry
ENV NODE_ENV=production \
  NODE_OPTIONS="--disable-warning=ExperimentalWarning --max-semi-space-size=2" \
  MALLOC_ARENA_MAX=2 \
  UV_THREADPOOL_SIZE=16
VOLUME ["/var/lib/registry"]
EXPOSE 5000
# SIGTERM lets requests under way finish.
STOPSIGNAL SIGTERM
# Begins as root only to own the volume, and goes on as user 10001 (container/start.mjs); --user works as well.
ENTRYPOINT ["node", "/opt/carrel/container/entrypoint.mjs"]
