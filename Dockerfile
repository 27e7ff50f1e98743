# `ea` as an image.
#
#   docker build --tag ea .
#   docker run --rm --env DATABASE_URL --volume "$PWD:/files:ro" ea import events.csv
#   docker run --rm --volume ea:/data --volume "$PWD:/files:ro" ea import events.csv     # the embedded PostgreSQL

FROM node:22-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY bin bin
COPY migrations migrations
COPY presets presets
COPY src src
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

FROM node:22-bookworm-slim
ENV NODE_ENV=production EA_DATA_DIR=/data/ea
WORKDIR /app
COPY --from=build /src/package.json /src/oclif.manifest.json ./
COPY --from=build /src/node_modules node_modules
COPY --from=build /src/bin/run.js bin/run.js
COPY --from=build /src/migrations migrations
COPY --from=build /src/presets presets
COPY --from=build /src/dist dist
# The embedded PostgreSQL refuses root, and its folder must belong to who runs it.
RUN ln -s /app/bin/run.js /usr/local/bin/ea && install -d -o node -g node -m 700 /data && install -d /files
USER node
VOLUME /data
WORKDIR /files
# ea ends by SIGINT and SIGTERM by itself, also as process 1.
ENTRYPOINT ["ea"]
CMD ["--help"]
