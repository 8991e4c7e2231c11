# One image with the three programs, and nothing else but certificates, time zones and a
# user: no shell, no package manager. Which program runs is said by the command.
#
#   docker build -t chatire .
#   docker run chatire chatire-api
#
# The last stage only copies, so that it can be built where no base image can be pulled:
# see .ci/image.

FROM node:22-bookworm-slim AS web
WORKDIR /src
COPY web/package.json web/package-lock.json web/
RUN cd web && npm ci --no-audit --no-fund
COPY api/openapi.yaml api/
COPY web web
RUN cd web && npm run build

FROM golang:1.26-bookworm AS build
ARG VERSION=dev
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=web /src/web/dist web/dist
RUN .ci/image-files /image "$VERSION"

FROM scratch AS final
ARG VERSION=dev
LABEL org.opencontainers.image.title="Chatire" \
      org.opencontainers.image.description="Real-time chat that you host yourself" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION"
COPY --from=build /image/ /
ENV PATH=/usr/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
CMD ["chatire-api"]
