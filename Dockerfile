# The program and what it needs to run, built from this folder:
#
#   docker compose up -d && docker compose exec api regulus tune --trials 50 --episodes 200
FROM debian:12-slim AS build
COPY scripts/setup /src/scripts/setup
RUN /src/scripts/setup build && rm -rf /var/lib/apt/lists/*
COPY . /src
WORKDIR /src
RUN cmake --preset release && cmake --build --preset release --target regulus

FROM debian:12-slim
RUN apt-get update && apt-get install -y --no-install-recommends libdnnl2 libfmt9 libsqlite3-0 libsodium23 libdate-tz3 \
      libgomp1 tzdata curl && rm -rf /var/lib/apt/lists/* && useradd --create-home --uid 10001 regulus && \
    mkdir -p /srv/regulus/data && chown -R regulus /srv/regulus
COPY --from=build /src/build/release/regulus /usr/local/bin/regulus
USER regulus
WORKDIR /srv/regulus
VOLUME /srv/regulus/data
EXPOSE 5000
HEALTHCHECK --interval=10s --timeout=3s CMD curl -fsS localhost:5000/readyz || exit 1
CMD ["regulus", "serve", "--address", "0.0.0.0", "--port", "5000", "--metrics-address", "0.0.0.0", "--metrics-port", "5001"]
