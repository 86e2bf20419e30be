# kapgate in a container: `docker build -t kapgate .`
# The configuration is /etc/kapgate/kapgate.toml, certificates by default in /etc/kapgate/certs: mount both read-only.

FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
COPY tools/node/package.json tools/node/
# Without the workspace: its Node is for machines that have only an older one.
RUN npm ci --ignore-scripts --workspaces=false --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run -s build && chmod 755 dist/kapgate.js

FROM node:24-bookworm-slim AS dependencies
WORKDIR /build
COPY package.json package-lock.json ./
COPY tools/node/package.json tools/node/
RUN npm ci --omit=dev --ignore-scripts --workspaces=false --no-audit --no-fund

FROM node:24-bookworm-slim
# What is not there cannot be run: the product needs node and nothing else of the base image's tools.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn* /opt/yarn* \
    && ln -s /opt/kapgate/dist/kapgate.js /usr/local/bin/kapgate
COPY --from=dependencies /build/node_modules /opt/kapgate/node_modules
COPY --from=build /build/dist /opt/kapgate/dist
COPY package.json LICENSE /opt/kapgate/
ENV NODE_ENV=production
WORKDIR /etc/kapgate
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
EXPOSE 9443
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["kapgate", "health"]
ENTRYPOINT ["kapgate"]
CMD ["run"]
