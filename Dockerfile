# Two stages: built from the same steps as `./dev`, run by a user without rights on a read-only root.
#   docker build -t parley .
#   docker run --read-only -p 8300:8300 -e PARLEY_DATABASE_URL=postgresql://parley@db/parley parley
FROM debian:12-slim AS build
WORKDIR /src
COPY dev ./
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends $(./dev packages build) \
 && rm -rf /var/lib/apt/lists/*
COPY . .
RUN cmake --preset release -DCMAKE_INSTALL_PREFIX=/usr \
 && cmake --build --preset release --target parley \
 && DESTDIR=/out cmake --install build/release --component parley --strip

FROM debian:12-slim
COPY dev /tmp/dev
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends $(/tmp/dev packages run) \
 && rm -rf /var/lib/apt/lists/* /tmp/dev \
 && useradd --system --no-create-home --shell /usr/sbin/nologin parley
COPY --from=build /out/ /
USER parley
ENV PARLEY_SERVER_LISTEN=0.0.0.0:8300 PARLEY_LOG_FORMAT=json
EXPOSE 8300
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["parley", "status"]
ENTRYPOINT ["parley"]
CMD ["serve"]
