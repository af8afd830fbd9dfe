# All services and the programs of an upgrade, in one image: which one runs is said by the arguments, such as
#   services/web/main.ts --config FILE
# BASE is any image with `node` 24, `npm` and a shell. A build behind a proxy or a mirror gives npm its settings as a
# secret: --secret id=npmrc,src=FILE.
ARG BASE=docker.io/library/node:24-bookworm-slim

FROM ${BASE} AS sources
USER 0:0
WORKDIR /app
COPY . .
RUN rm -rf operator cdk8s

# What decides what is installed, apart from the rest: an edit of the code alone installs nothing again.
FROM sources AS manifests
RUN mkdir /services /browser \
  && find package.json package-lock.json .npmrc packages services processes -name node_modules -prune -o \
    \( -name package.json -o -name package-lock.json -o -name .npmrc \) -print > /files \
  && tar -cf - $(grep -v services/web/browser/ /files) | tar -xf - -C /services \
  && tar -cf - $(grep -E '^[^/]*$|^packages/|^services/web/browser/' /files) | tar -xf - -C /browser

FROM ${BASE} AS dependencies
USER 0:0
WORKDIR /app
COPY --from=manifests /services .
# What is optional is a database for laptops.
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
  HOME=/root npm ci --omit=dev --omit=optional --ignore-scripts --cache /tmp/npm && rm -rf /tmp/npm

FROM ${BASE} AS browser
USER 0:0
WORKDIR /app
COPY --from=manifests /browser .
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
  HOME=/root npm ci --omit=dev --ignore-scripts --cache /tmp/npm && rm -rf /tmp/npm
COPY --from=sources /app/packages packages
COPY --from=sources /app/services/web/browser services/web/browser
RUN node services/web/browser/build.ts

FROM ${BASE}
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app .
COPY --from=sources /app/packages packages
COPY --from=sources /app/processes processes
COPY --from=sources /app/services services
COPY --from=browser /app/services/web/browser/dist services/web/browser/dist
USER 65532:65532
ENTRYPOINT ["node"]
